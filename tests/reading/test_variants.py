"""What the other files test of a kind of fault, in further formats and forms: a row a file."""

import base64
import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest

from index.documents import Document
from tests.reading.conftest import W, cells, paragraph

MAIL = "From: Ada <ada@example.org>\nDate: Tue, 5 Mar 2024 10:00:00 +0100\nSubject: Devis\nMIME-Version: 1.0\n"
PROSE = "<p>" + "La bibliothèque ouvre le samedi matin à tous les habitants de la commune. " * 4
SPANS = [["Commune", "Habitants", ""], ["", "2022", "2023"], ["Lormeuil", "2 300", "2 310"], ["Sauve", "5 100", ""]]  # fmt: skip
DIVIDED = ["Commune: Lormeuil; Habitants 2022: 2 300; Habitants 2023: 2 310", "Sauve; Habitants 2022: 5 100"]  # fmt: skip


def text_of(found: list) -> str:
    """Texts, notes and errors of all that was found."""
    lines = []
    for each in found:
        if isinstance(each, Document):
            notes = [f"{note.code} {dict(note.values)}" for note in each.unread]
            lines += [f"name:{each.name}", f"title:{each.title}", each.text, *notes]
        else:
            lines.append(f"{each.code} {each.values}")
    return "\n".join(lines)


def check(found: list, wanted: list[str], unwanted: list[str] = ()) -> None:
    text = text_of(found)
    assert [want for want in wanted if want not in text] == [], text
    assert [word for word in unwanted if word in text] == [], text


def rtf_row(marks: list[str], *texts: str) -> str:
    edges = "".join(rf"{mark}\cellx{n}000" for n, mark in enumerate(marks, 1))
    return rf"\trowd{edges} " + "".join(rf"{text}\cell " for text in texts) + r"\row "


TEXTS: dict[str, tuple[str | bytes, list[str], list[str]]] = {
    "two-rows.csv": (";Habitants;;Aire;\nCommune;2022;2023;2022;2023\nLormeuil;2 300;2 310;12;12\nSauve;5 100;5 000;30;30\n",
        ["Lormeuil; Habitants 2022: 2 300; Habitants 2023: 2 310; Aire 2022: 12; Aire 2023: 12"], []),
    "codes.csv": ("Dép;Commune;Canton;2022;2023;Évolution\n39;Lormeuil;Nord;2 300;2 310;+0,4 %\n01;Sauve;Est;5;6;+20 %\n", ["Canton: Nord; 2022: 2 300; 2023: 2 310"], []),
    "sizes.csv": ("Taille;36;38;40\nRobe;3;7;5\nJupe;1;0;2\n", ["Taille: Robe; 36: 3; 38: 7; 40: 5"], []),
    "corner.csv": (";T1;T2\nNord;1;2\nSud;3;4\n", ["Nord; T1: 1; T2: 2"], []),
    "comments.csv": ("# Source : mairie, 2024\nposte,montant\nécole,1200\nvoirie,800\n", ["# Source : mairie, 2024\n", "poste: école; montant: 1200"], []),
    "lines.csv": ('id,note,total\n1,"un\ndeux; trois, fin",5\n2,"dit ""oui""",6\n', ["note: un deux; trois, fin; total: 5", 'note: dit "oui"; total: 6'], []),
    "foot.csv": ("Mois;Ventes\nMai;10\nJuin;20\n\nTotal;30\nSource : Insee\n", ["Mois: Mai; Ventes: 10", "Total; Ventes: 30", "Source : Insee"], []),
    "spaces.csv": ('id, nom, note\n1, "Dupont, Paul", bon\n2, "Martin, Léa", moyen\n', ["nom: Dupont, Paul; note: bon"], ['"']),
    "backslash.csv": ('id,nom,total\n1,"dit \\"oui, bien\\" ici",5\n2,"x",6\n', ['nom: dit "oui, bien" ici; total: 5'], []),
    "single.csv": ("id;nom;total\n1;'a; b';5\n2;'c';6\n3;'l’été';8\n", ["nom: a; b; total: 5"], []),
    "unclosed.csv": ('id;nom;total\n1;"Dupont; Paul";5\n2;"mal fermé;6\n3;"Petit\nZoé";7\n4;"Roy; Max";8\n',
        ["nom: Dupont; Paul; total: 5", 'nom: "mal fermé; total: 6', "nom: Petit Zoé; total: 7", "nom: Roy; Max; total: 8"], []),
    "column.csv": ("Communes\nLormeuil\nSauve, haut\nBrême\n", ["\n\nSauve, haut\n\n"], []),
    "caret.csv": ("nom^ville^prix\nA^Nîmes^12\nB^Sète^13\n", ["nom: A; ville: Nîmes; prix: 12"], []),
    "ends.csv": ("a;b;c\r\r\n1;2;3\r\r\n4;5;6\r\r\n", ["a: 1; b: 2; c: 3"], []),
    "formulas.csv": ('Code;Nom;Tel\n="0123";Zoé;="0492003344"\n="0456";Max;="06"\n', ["Code: 0123; Nom: Zoé; Tel: 0492003344"], ['="']),
    "latin9.txt": ("Le cœur coûte 5 € à Lebœuf.".encode("iso8859-15"), ["Le cœur coûte 5 €"], []),
    "ligatures.txt": ("L’eﬃcacité de la ﬁn", ["L’efficacité de la fin"], []),
    "colours.log": ("\x1b]0;titre\x07\x1b(B\x1b[?25l\x1b[31mERREUR\x1b[0m disque plein\x1b]8;;\x1b\\\n", ["ERREUR disque plein"], ["]", "titre", "[", "(B"]),
    "front.md": ("---\ntitle: >-\n  Guide\n  du serveur\nauthor:\n  - name: Ada Martin\n  - 'Paul Rey'\n---\n\nTexte.\n", ["title:Guide du serveur", "Texte."], []),
    "drawn.rst": ("Titre\n=====\n\n+-----+------+\n| Nom | Âge  |\n+=====+======+\n| Léa | 12   |\n|     | ans  |\n+-----+------+\n", ["Nom: Léa; Âge: 12 ans"], ["+--"]),
    "pandoc.md": ("# T\n\n  Commune      2022     2023\n---------- -------- --------\nLormeuil               2310\nSauve          5100\n\nFin.\n", ["Commune: Lormeuil; 2023: 2310", "Sauve; 2022: 5100", "Fin."], []),
    "quoted.md": ("> | A | B | C |\n> |---|---|---|\n> | 1 |   | 3 |\n>\n> Suite.\n", ["A: 1; C: 3", "> Suite."], []),
    "fence.md": ("````\n```\n# faux titre\n| a | b |\n|---|---|\n| c | d |\n````\n\n# Vrai titre\n\n| e | f | g |\n|---|---|---|\n| ![plan](x.png) | 2 | 3 |\n", ["title:Vrai titre", "| c | d |", "e: plan; f: 2"], []),
    "tag.md": ("# T\n\n<img\n  src='data:image/png;base64,AAAA'\n  alt='un plan'\n/> suite\n", ["un plan suite"], ["base64", "src"]),
    "spans.rst": ("+----------+-------------+------+\n| Commune  | Habitants   | Aire |\n|          +------+------+      |\n|          | 2022 | 2023 |      |\n+==========+======+======+======+\n| Lormeuil |      | 2310 | 9    |\n+----------+------+------+------+\n| C++      | 5100        | 30   |\n+----------+------+------+------+\n|          | 1    | 2    | 3    |\n+----------+------+------+------+\n",
        ["Commune: Lormeuil; Habitants 2023: 2310; Aire: 9", "C++; Habitants 2022: 5100; Aire: 30"], []),
    "list.rst": (".. list-table:: Recensement\n   :header-rows: 1\n\n   * - Commune\n     - 2022\n     - 2023\n   * - Lormeuil\n       le Haut\n     -\n     - 2310\n\nFin.\n", ["Recensement\n", "Commune: Lormeuil le Haut; 2023: 2310", "Fin."], ["list-table"]),
    "values.rst": ('.. csv-table:: Recensement\n   :header: "Commune", "2022", "2023"\n\n   "Lormeuil", , 2310\n   "Sauve, haut", 5100,\n\nFin.\n', ["Commune: Lormeuil; 2023: 2310", "Sauve, haut; 2022: 5100", "Fin."], []),
    "divided.rst": ("========  =====  =====\nCommune     Habitants\n--------  ------------\n..        2022   2023\n========  =====  =====\nLormeuil         2310\nSauve     5100\n========  =====  =====\n", ["Commune: Lormeuil; Habitants 2023: 2310", "Sauve; Habitants 2022: 5100"], []),
    "table.adoc": ("= Titre\n\n|===\n|Commune |2022 |2023\n\n|Lormeuil | |2310\n|Sauve\n|5100 |\n|===\n\nFin.\n", ["Commune: Lormeuil; 2023: 2310", "Sauve; 2022: 5100", "Fin."], []),
    "drawn.txt": ("╔═══════════════════╗\n║ BUDGET COMMUNAL   ║\n╠═════════╦════╦════╣\n║ Poste   ║ V1 ║ V2 ║\n╠═════════╬════╬════╣\n║ Toiture ║ 18 ║    ║\n║ Porche  ║    ║ 6  ║\n╚═════════╩════╩════╝\nVisé.\n",
        ["BUDGET COMMUNAL\n\nPoste; V1; V2", "Poste: Toiture; V1: 18\n\nPoste: Porche; V2: 6", "Visé."], ["═"]),
    "mysql.log": ("+----+-----+\n| id | nom |\n+----+-----+\n|  1 | Ada |\n|  2 | Bob |\n+----+-----+\n2 rows\n", ["id: 1; nom: Ada\n\nid: 2; nom: Bob", "2 rows"], ["+-"]),
    "psql.txt": (" id | nom | ville \n----+-----+-------\n  1 | Ada | \n    | Bob | Sète\n(2 rows)\n", ["id: 1; nom: Ada\n\nnom: Bob; ville: Sète", "(2 rows)"], ["--"]),
    "double.txt": ("Nom     Prix  Qté\n======  ====  ===\nVis           4\nClou    5     7\n\nSuite.\n", ["Nom: Vis; Qté: 4\n\nNom: Clou; Prix: 5; Qté: 7", "Suite."], ["=="]),
    "census.txt": ("Recensement\n\nCommune       2022    2023   Maire\n----------  ------  ------  ------------\nSauve                5 120  Ada Martin\nBrême          120          Léa Petit\n----------  ------  ------  ------------\nTotal        5 220   7 430\n\nSource : mairies\n",
        ["Commune: Sauve; 2023: 5 120; Maire: Ada Martin\n\nCommune: Brême; 2022: 120; Maire: Léa Petit\n\nCommune: Total; 2022: 5 220; 2023: 7 430", "Source : mairies"], ["--"]),
    "decor.txt": ("Chapitre premier\n--- --- ---\nIl était une fois.\n\n=== ===\nDeux.\n<table>\n", ["Chapitre premier\n--- --- ---\nIl était une fois.\n\n=== ===\nDeux.\n<table>"], []),
    "report.tex": (r"""% brouillon
\documentclass{article}
\title{Le b\^atiment \oe uvre}
\author{Ada Martin\thanks{Mairie} \and Paul Rey}
\begin{document}
\maketitle
\section*{Co\^ut}\label{a}
L'\'ecole de Na\"{\i}m, \c{c}a co\^{u}te 5~\% % reste
de plus\footnote{Hors \emph{maternelle}.} ; \og $5 \times 10^{6}$\fg{} \& $\frac{a}{2} \leq \alpha$.
\begin{enumerate}\item Un \begin{itemize}\item sous\end{itemize} \item Deux\end{enumerate}
\begin{figure}[h]\includegraphics[width=3cm]{a.png}\caption{Plan}\end{figure}
\begin{tabular}{|l|rr|} \hline
\textbf{Ville} & \multicolumn{2}{c|}{Aire} \\
 & 2022 & 2023 \\ \hline
\multirow{2}{*}{Br\^eme} & & 7 \\[2mm] \cline{2-3}
 & 8 & R\&D \\ \hline
\end{tabular}
\begin{verbatim}
x = 5 % 2
\end{verbatim}
\end{document}
""",
        ["title:Le bâtiment œuvre", "# Le bâtiment œuvre\n\n## Coût\n\nL'école de Naïm, ça coûte 5 % de plus[1] ; « 5 × 10⁶ » & (a)/(2) ≤ α.\n\n1. Un\n\n- sous\n\n2. Deux\n\nPlan",
         "Ville: Brême; Aire 2023: 7\n\nVille: Brême; Aire 2022: 8; Aire 2023: R&D\n\nx = 5 % 2\n\n## Notes\n\n[1] Hors maternelle.", "unread_pictures"], ["brouillon", "reste"]),
    "table.org": ("| Nom | Âge |\n|-----+-----|\n| Léa | 12 |\n", ["Nom: Léa; Âge: 12"], []),
    "page.md": ('# T\n\n<table><tr><th>A</th><th>B</th></tr>\n<tr><td>1</td><td>2</td></tr></table>\n\nFin <img alt="un plan" src="data:image/png;base64,AAAA">\n\n```\n<!-- gardé -->\n```\n',
        ["A: 1; B: 2", "Fin un plan", "<!-- gardé -->"], ["base64", "<td>"]),
    "close.srt": ("1\n00:00:01,000 --> 00:00:02,500\nUn\n2\n00:00:03,000 --> 00:00:04,000\nDeux < trois\n", ["Un\nDeux < trois"], ["-->"]),
    "notes.vtt": ("WEBVTT\n\nNOTE caché\n\nid1\n00:01.000 --> 00:02.000\n<v Paul>Bonjour &amp; merci</v>\n", ["Bonjour & merci"], ["caché", "id1"]),
    "call.ics": ("BEGIN:VEVENT\nSUMMARY:Conseil muni\n cipal\\, salle B\nDTSTART:20240321T183000\nUID:zz\nEND:VEVENT\n", ["SUMMARY: Conseil municipal, salle B", "DTSTART: 2024-03-21 18:30"], ["zz"]),
    "card.vcf": ("BEGIN:VCARD\nFN:Odile Ferrand\nTEL;TYPE=cell:04 92 00\nEND:VCARD\n", ["FN: Odile Ferrand", "TEL: 04 92 00"], []),
    "records.json": ('{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n', ["a: 2; b: y"], []),
    "bad.jsonl": ('{"q":"a"}\n{bad\n[1, 2]\n"mot"\n', ["q: a", "1\n", "mot", "document_line {'line': 2"], []),
    "outputs.ipynb": ('{"nbformat":4,"cells":[{"cell_type":"code","source":["1+1"],"outputs":[{"data":{"text/plain":["deux"]}},{"text":"trois"}]}]}', ["1+1", "deux", "trois"], []),
    "lies.xml": ('<?xml version="1.0" encoding="ISO-8859-1"?><f><ville>Béziers</ville></f>', ["ville: Béziers"], []),
    "news.rss": ("<rss><channel><item><title>Fête</title><description><![CDATA[<p>Le <b>14</b> juin</p>]]></description></item></channel></rss>", ["description: Le 14 juin"], ["<p>"]),
    "rows.html": (PROSE + "<table><tr><td></td><th>T1</th><th>T2</th></tr><tr><th>Nord</th><td>1</td><td>2</td></tr><tr><th>Sud</th><td>3</td><td>4</td></tr></table>", ["Nord; T1: 1; T2: 2"], []),
    "titled.html": (PROSE + "<table><tr><th colspan=2>Sauveterre</th></tr><tr><th>Population</th><td>1 200<sup><a href='#n'>1</a></sup></td></tr></table>", ["Sauveterre\n", "Population: 1 200[1]"], ["Sauveterre: Pop"]),
    "lists.html": (PROSE + "<ol type=a><li>un<li>deux</ol><ol type=I start=4><li>quatre</ol>", ["a. un", "b. deux", "IV. quatre"], []),
    "struck.html": (PROSE + "<p>Prix : <del>15</del> <s>14</s> <ins>12</ins> euros", ["Prix : 12 euros", "unread_deleted {'count': 2}"], []),
    "hidden.html": (PROSE + "<div style='display: none'><p>Réponse</div>", ["unread_hidden"], ["Réponse"]),
    "frames.html": ("<frameset><frame src=a.html><noframes><body><p>Mairie : 03 84</p></body></noframes></frameset>", ["Mairie : 03 84", "unread_embedded {'count': 1}"], ["<p>"]),
    "drawn.html": (PROSE + "<p>Soit <span class=katex-mathml><math><mi>x</mi></math></span><span class=katex-html>x</span> ici", ["Soit x ici"], []),
    "shape.rtf": (r"{\rtf1\ansi Avant\par{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt Encadr\'e9\par}}{\shprslt Vieux}}}", ["Avant", "Encadré"], ["Vieux"]),
    "old.rtf": (r"{\rtf1\mac{\fonttbl\f0\fswiss Helvetica;}\f0 Caf\'8e et \'88 l'\'8ecole, \u-10179?\u-8704?\par{\listtext 1.\tab}un\par}", ["Café et à l'école, 😀", "\n1. un"], []),
    "marks.rtf": (r"{\rtf1\ansi Un\par" + rtf_row(["", ""], "A", "B\x1f\x1d") + rtf_row(["", ""], "a", "\x1eb") + "}", ["Un\n", "a", "b"], []),
    "square.rtf": ("{\\rtf1\\ansi 12 km\\b0\xb2 en tout\\par}".encode("latin-1"), ["12 km² en tout"], []),
    "ranges.csv": ("École;Élèves;;\n;2021-2022;2022-2023;2023-2024\nCentre;120;;131\nGare;;88;90\n", ["École: Centre; Élèves 2021-2022: 120; Élèves 2023-2024: 131"], []),
    "labels.csv": ("Nom :;Odile\nÂge :;41\nVille :;Nîmes\n", ["Nom : Odile\n", "Âge : 41\n"], []),
    "signs.rtf": (r"{\rtf1\ansi{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fnil\fcharset2 Wingdings;}}{\f1\'fe} Oui {\f1\'a8} Non {\f1 o\plain  \'e9t\'e9}\par}", ["☒ Oui ☐ Non ☐ été"], []),
    "struck.rtf": (r"{\rtf1\ansi Prix {\strike 15} {\striked1 16} 12 euros{\deleted , non}\par}", ["12 euros", "unread_deleted {'count': 3}"], ["15", "16", "non"]),
    "nested.rtf": (r"{\rtf1\ansi \trowd\cellx3000\cellx6000\cellx9000 Lot\cell Entreprise\cell D\'e9tail\cell\row\trowd\cellx3000\cellx6000\cellx9000 Toit\cell Roy\cell\itap2 Tuiles\nestcell 12\nestcell{\*\nesttableprops\trowd\cellx7000\cellx8000\nestrow}\itap1\cell\row\trowd\cellx3000\cellx6000\cellx9000 Murs\cell\cell n\'e9ant\cell\row}",
        ["Lot: Toit; Entreprise: Roy; Détail: Tuiles | 12", "Lot: Murs; Détail: néant"], []),
    "nested.html": (PROSE + "<table><tr><th>Lot</th><th>Détail</th></tr><tr><td>Toit</td><td><table><tr><td>Tuiles</td><td>12</td></tr><tr><td>Pose</td><td>6</td></tr></table></td></tr><tr><td>Murs</td><td>néant</td></tr></table>", ["Lot: Toit; Détail: Tuiles: 12 / Pose: 6", "Lot: Murs; Détail: néant"], []),
    "roles.html": (PROSE + '<div role="table"><div role="row"><b role="columnheader">Commune</b><b role="columnheader">2022</b><b role="columnheader">2023</b></div><div role="row"><i role="cell">Lormeuil</i><i role="cell"></i><i role="cell">2 310</i></div></div>', ["Commune: Lormeuil; 2023: 2 310"], []),
    "dishes.html": ('<header role="banner"><p>Ouverte de 9 h à 12 h, tél. 03 84</p></header>' + PROSE + '<div class="menu-midi"><p>Truite aux amandes</p></div><div class="menu"><a href=a>Accueil du site</a></div>' + PROSE, ["tél. 03 84", "Truite aux amandes", "unread_menus {'count': 1}"], ["Accueil"]),
    "drawings.html": (PROSE + "<img src=a alt='La poste est au 12'><img src=b><iframe src=c></iframe><svg><title>Carte</title><text>Nord 12 %</text></svg><ol reversed><li>x<li>y</ol>", ["La poste est au 12", "Nord 12 %", "unread_pictures {'count': 1}", "unread_embedded {'count': 1}", "2. x\n\n1. y"], ["Carte"]),
    "data.json": (json.dumps({"plan": "data:image/png;base64," + "iVBORw0KGgo" * 20, "fin": "oui", "sigle": "ab" * 90}), ["fin: oui", "ab" * 90, "unread_pictures {'count': 1}"], ["base64", "iVBOR"]),
    "book.fb2": ('<FictionBook><body><p>Le <i>barrage</i> a 12 m.</p></body><binary id="c">iVBORw0KGgo</binary></FictionBook>', ["Le barrage a 12 m.", "unread_pictures"], ["iVBOR"]),
    "prices.xml": ('<menu><plat prix="12,50" xml:lang="fr">Truite</plat><plat prix="9">Soupe</plat></menu>', ["plat: Truite; prix: 12,50; plat: Soupe; prix: 9"], []),
    "errors.ipynb": (json.dumps({"nbformat": 4, "cells": [{"outputs": [{"data": {"text/html": ["<table><tr><th>A<th>B<th>C<tr><td>1<td><td>3</table>"], "text/plain": ["A B"]}}, {"data": {"image/png": "iVBOR"}}, {"ename": "ValueError", "evalue": "mauvaise date"}]}]}), ["A: 1; C: 3", "ValueError: mauvaise date", "unread_pictures"], ["iVBOR"]),
    "quoted.vcf": ("BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:Ren=C3=A9 =\nL=C3=A9vy\nEND:VCARD\n", ["FN: René Lévy"], []),
    "raw.eml": ("From: Zoé <z@x.fr>\nSubject: Réunion d'été à l'école\n\nOui".encode("latin-1"), ["title:Réunion d'été à l'école", "Zoé"], []),
    "raw2.eml": ("From: Zoé <z@x.fr>\r\nSubject: Réunion d'été\r\n\r\nUn\n\ndeux à 4".encode("latin-1"), ["title:Réunion d'été", "deux à 4"], []),
    "bounce.eml": (MAIL + "Content-Type: multipart/report; boundary=B\n\n--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; paul@example.org\n\n--B\nContent-Type: text/rfc822-headers\n\nX-Ancien: 12\n--B--\n", ["Final-Recipient: rfc822; paul@example.org", "X-Ancien: 12"], []),
    "edges.eml": (MAIL + "Content-Type: multipart/mixed; boundary=B\n\n--X\nContent-Type: text/plain\n\nTexte 12\n--X--\n", ["\n\nTexte 12"], ["--X", "unread"]),
    "none.eml": (MAIL + "Content-Type: multipart/mixed; boundary=B\n\nRien--X\n", ["Devis"], []),
    "cut.eml": (MAIL + "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"Le prix est de 12 euros.").decode()[:-3] + "\n", ["Le prix est de 12 eur"], []),
    "base64.eml": (MAIL + "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes((MAIL + "\n6 480 euros").encode()).decode() + "\n--B--\n", ["6 480 euros", "1.eml"], []),
    "named.eml": (MAIL + "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/plain\nContent-Disposition: attachment; filename*0*=iso-8859-1''Compte%20rendu; filename*1*=%20d%27%E9t%E9.txt\n\nJoint\n--B--\n", ["name:named.eml/Compte rendu d'été.txt", "Joint"], []),
    "flowed.eml": (MAIL + "Content-Type: text/plain; format=flowed\n\nUne ligne qui \ncontinue ici.\n", ["Une ligne qui continue ici."], []),
    "call.eml": (MAIL + "Content-Type: text/calendar\n\nBEGIN:VEVENT\nSUMMARY:Conseil\nEND:VEVENT\n", ["SUMMARY: Conseil"], []),
    "iso2022.eml": ((MAIL + "Content-Type: text/plain; charset=iso-2022-jp\n\n").encode() + "会議".encode("iso2022_jp"), ["会議"], []),
    "box.mbox": (f"From - Tue Mar  5 10:00:00 2024\n{MAIL}\nUn\n\nFrom here the text goes on\n\n>From fin\n\nFrom b@x Tue Mar  5 10:00:00 2024\n{MAIL}\nDeux\n", ["From here the text goes on\n\nFrom fin", "0002.eml", "Deux"], ["0003.eml"]),
    "page.docx": ("<html><body><p>Export de 12 euros</p></body></html>", ["Export de 12 euros"], []),
    "table.xlsx": ("a;b\n1;2\n3;4\n", ["a: 1; b: 2"], []),
    "italien.txt": ("La città è più bella; l’università sarà aperta venerdì, però costò 5 €.".encode("cp1252"), ["La città è più bella; l’università"], []),
    "controls.json": ('{"prix": "5 \\u0080, l\\u0092\u00e9t\u00e9"}', ["prix: 5 €, l’été"], []),
    "subject.eml": (b"From: a@b.fr\nSubject: =?iso-8859-1?Q?L=92=E9t=E9?=\n\nBonjour", ["title:L’été", "Subject: L’été"], []),
    "empty.json": ('[["Commune","2022","2023"],["Lormeuil",null,2310],["Sauve",1,2]]', ["Commune: Lormeuil; 2023: 2310"], ["null"]),
    "simple.rst": ("Titre\n=====\n\n=====  =====  ======\nA      B      C\n=====  =====  ======\nun            trois\n              fin\nx      y      z\n=====  =====  ======\n\n10\\ :sup:`6` m, H\\ :sub:`2`\\ O\n", ["A: un; C: trois fin\n", "A: x; B: y; C: z", "10⁶ m, H₂O"], ["=  ="]),
    "said.org": ("#+TITLE: Le plan\n#+AUTHOR: Odile\n\n* Partie\n#+BEGIN_SRC sh\n# code\n#+END_SRC\n", ["title:Le plan"], []),
    "raised.md": ("# T\n\n5 × 10<sup>6</sup>, CO<sub>2</sub>\n", ["5 × 10⁶, CO₂"], []),
    "form.html": (PROSE + "<p><input type=checkbox checked>Oui<input type=checkbox>Non<select><option>a<option selected>chèque</select><textarea>reste</textarea></p><dialog>Fermé</dialog>", ["☒ Oui ☐ Non chèque reste", "unread_hidden"], ["Fermé"]),
    "page.rtf": (r"{\rtf1\ansi\fromhtml1{\*\htmltag <html><style>p {color:red}</style><p>}Bonjour \htmlrtf caché\htmlrtf0 {\*\htmltag <b>}Ada{\*\htmltag </b></p></html>}}", ["Bonjour Ada"], ["<", "color", "caché"]),
    "beside.rtf": (r"{\rtf1\ansi T{\footnote un}{\footnote deux}{\*\atnauthor Odile}{\*\annotation \'c0 revoir}{\object\objemb{\*\objdata 00}{\result x}}\par}", ["un\n\ndeux", "Odile: À revoir", "unread_embedded {'count': 1}"], []),
    "ends.rtf": ("{\\rtf1\\ansi{\\header Haut}\nUn \r\n{\\b deux}\\par " + rtf_row(["", ""], "A", "B") + rtf_row(["", ""], "a", "b") + r"\trowd\cellx1500\cellx2000 Lot\cell Toit\nestcell 18 400\nestcell{\*\nesttableprops\trowd\cellx9\nestrow}{\nonesttables\par}\cell\row }", ["title:Un deux", "\nUn deux\n", "Lot: Toit | 18 400"], ["A: Lot"]),
    "merged.rtf": (r"{\rtf1\ansi " + rtf_row(["", "", ""], "Commune", "An", "Habitants") + rtf_row([r"\clvmgf", "", ""], "Lormeuil", "2022", "2 300") + rtf_row([r"\clvmrg", "", ""], "", "2023", "2 310") + r"\trowd\cellx2000\cellx3000 Sauve\cell 5\cell\row " + rtf_row(["", r"\clmgf", r"\clmrg"], "Lorbrun", "tout", "") + "}", ["Commune: Lormeuil; An: 2023; Habitants: 2 310", "Commune: Sauve; Habitants: 5", "Commune: Lorbrun; An: tout"], []),
    "underlined.csv": ("id  ;nom;solde\n----;---;-----\n1   ;Ada;12,50\n2;Bob;-\n\n(2 rows)\n", ["id: 1; nom: Ada; solde: 12,50", "nom: Bob; solde: -", "(2 rows)"], ["--"]),
    "ages.csv": ("Commune;0-14 ans;PM2.5;6h\nBrême;120;14;2\nLorme;60;;4\n", ["Commune: Brême; 0-14 ans: 120; PM2.5: 14; 6h: 2"], []),
    "weights.csv": ("Vis;12 kg;3 m\nClou;14 kg;5 m\n", ["Vis | 12 kg | 3 m"], []),
    "colons.csv": ("Nom :;Tél. :;Ville :\nAda;04 92;Sète\nBob;04 93;Nîmes\n", ["Nom: Ada; Tél.: 04 92; Ville: Sète"], []),
    "colon.csv": ("Nom;Contact :;Ville\nAda;04 92;Sète\nBob;04 93;Nîmes\n", ["Nom: Ada; Contact: 04 92; Ville: Sète"], []),
    "forms.csv": ("Nom :;Ada;Né :;1912\nVille :;Sète;Rue :;du Lac\n", ["Nom : | Ada | Né : | 1912"], []),
    "apart.csv": ("Lot;Prix;;\n;2022;2023;Aire\n\nToit;18;20;9\nMur;;7;8\n", ["Lot: Toit; Prix 2022: 18; Prix 2023: 20; Aire: 9"], []),
    "survey.csv": (f"Le;{'Depuis combien de temps ' * 7}?;Ville\n5/3/2024;dix ans;Sète\n6/3/2024;un an;Nîmes\n", ["Le: 5/3/2024", "temps ?: dix ans; Ville: Sète"], []),
    "settings.json": ('// la pompe\n{"bars": 2.4, /* fixe */ "page": "https://a.fr/x, ]", "jours": ["lu", "ma",], // fin\n}\n', ["bars: 2.4; page: https://a.fr/x, ]; jours: lu, ma"], ["pompe", "fixe"]),
    "follow.json": ('{\n "nom": "Ada"\n}\n{\n "nom": "Bob"\n}\n', ["nom: Ada\n\nnom: Bob"], []),
    "signs.xml": ("<f><titre>Bal &agrave; Br&ecirc;me, Dupont & fils</titre><prix>12&nbsp;&euro; &lt; 13&#8364;</prix></f>", ["titre: Bal à Brême, Dupont & fils; prix: 12 € < 13€"], []),
    "cells.ipynb": (json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["| A | B |\n", "|---|---|\n", "| 1 | 10<sup>6</sup> |\n", "\n", "<!-- non -->Fin"]}]}), ["A: 1; B: 10⁶", "Fin"], ["non", "--"]),
    "third.ipynb": (json.dumps({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["print(1)"], "outputs": [{"output_type": "stream", "text": ["crue"]}]}]}]}), ["print(1)\n\ncrue"], ["_type"]),
    "printed.log": ("M\bMo\bot\bt\n_\bé_\bt_\bé : 12\n", ["Mot\nété : 12"], []),
    "kinds.vcf": ('BEGIN:VCARD\nTEL;type=WORK;type=VOICE:04 92\nTEL;HOME;FAX:04 93\nitem1.EMAIL;PREF=1:o@x.fr\nitem1.X-ABLabel:_$!<Other>!$_\nLOGO;ENCODING=BASE64;GIF:R0lGOD\n lhAQ\nKEY;ENCODING=b:aB3d\nEND:VCARD\n',
        ["TEL: 04 92 (WORK, VOICE), 04 93 (HOME, FAX); EMAIL: o@x.fr; X-ABLabel: Other"], ["R0lGOD", "aB3d"]),
    "zones.ics": ('BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:x\nDTSTART:16010101T020000\nEND:VTIMEZONE\nBEGIN:VEVENT\nATTENDEE;CN="Rey: Paul";ROLE=CHAIR:mailto:p@x.fr\nDTSTART;TZID="(UTC+01:00) Paris":20240321T183000\nDTEND:20240321T190000Z\nEND:VEVENT\nEND:VCALENDAR\n',
        ["ATTENDEE: mailto:p@x.fr (Rey: Paul); DTSTART: 2024-03-21 18:30; DTEND: 2024-03-21 19:00 UTC"], ["1601"]),
    "alarm.ics": ("BEGIN:VEVENT\nDTSTART:20240321T183000\nBEGIN:VALARM\nTRIGGER:-PT30M\nEND:VALARM\nSUMMARY:Violon\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:Judo\nDTSTART:20240322\nEND:VEVENT\n", ["SUMMARY: Violon; DTSTART: 2024-03-21 18:30", "TRIGGER: -PT30M", "SUMMARY: Judo; DTSTART: 2024-03-22"], []),
    "account.ofx": ("OFXHEADER:100\nCHARSET:1252\n\n<OFX><BANKTRANLIST>\n<STMTTRN>\n<TRNAMT>-84.37\n<NAME>EDF & fils\n</STMTTRN>\n<STMTTRN><TRNAMT>12<NAME>CAF</STMTTRN></BANKTRANLIST><LEDGERBAL><BALAMT>29.10</LEDGERBAL></OFX>", ["TRNAMT; NAME\n\nTRNAMT: -84.37; NAME: EDF & fils\n\nTRNAMT: 12; NAME: CAF", "BALAMT: 29.10"], ["1252"]),
    "account.qif": ("!Type:Bank\nD26/02/2024\nT-84,37\nPEDF\n^\nD27/02/2024\nT12,00\nPCAF\n^\n", ["Date; Amount; Payee\n\nDate: 26/02/2024; Amount: -84,37; Payee: EDF\n\nDate: 27/02/2024; Amount: 12,00; Payee: CAF"], ["^", "Bank"]),
    "entries.xml": ("<S><Id>7</Id><E><Amt Ccy='EUR'>84.37</Amt><D><Cdtr><Nm>EDF</Nm></Cdtr></D></E><E><Amt Ccy='EUR'>12</Amt><D><Dbtr><Nm>CAF</Nm></Dbtr></D></E></S>", ["Id: 7", "Amt: 84.37; Ccy: EUR; Cdtr Nm: EDF", "Amt: 12; Ccy: EUR; Dbtr Nm: CAF"], []),
    "walk.gpx": ("<gpx><wpt lat='46.0' lon='6.5'><name>Refuge</name><desc>1290 m</desc></wpt><trk>" + "<trkpt lat='1.7' lon='2.7'><ele>3</ele></trkpt>" * 9 + "</trk></gpx>", ["wpt name: Refuge; wpt desc: 1290 m", "unread_places {'count': 9}"], ["1.7", "2.7"]),
    "trees.geojson": (json.dumps({"features": [{"nom": "Parc", "geometry": {"type": "Polygon", "coordinates": [[[6.03, 47.2], [6.04, 47.3], [6.03, 47.2]]]}}, {"nom": "Tilleul", "geometry": {"type": "Point", "coordinates": [6.05, 47.1]}}]}), ["nom: Parc; geometry type: Polygon", "coordinates: 6.05, 47.1", "unread_places {'count': 3}"], ["6.03"]),
    "notes.enex": ("<en-export><note><title>Gaz</title><content><![CDATA[<?xml version='1.0'?><en-note><div>18 m³</div><table><tr><td>Pièce</td><td>R</td><td>kWh</td></tr><tr><td>Salon</td><td>1</td><td>418</td></tr><tr><td>Hall</td><td>2</td><td>207</td></tr></table></en-note>]]></content></note></en-export>", ["title: Gaz\n\n18 m³\n\n", "Pièce: Hall; R: 2; kWh: 207"], ["CDATA"]),
    "FEC.txt": ("Compte\tLibellé\tDébit\n606\tPapier\t118,50\n445\tTVA\t23,70\n", ["Compte: 606; Libellé: Papier; Débit: 118,50"], ["\t"]),
    "wide.txt": ("a\tb\tc\n" + f"1\t2\t{'x ' * 90_000}\n" * 3, ["a: 1; b: 2\n\na: 1; c: x x"], ["\t"]),
    "till.txt": ("LE MARCHÉ\n\nArticle        Qté     PU   Total\n--------------------------------\nLait demi        6   1,05    6,30\nPommes       1,245   2,90    3,61\n--------------------------------\nTOTAL                        9,91\n", ["Article: Lait demi; Qté: 6; PU: 1,05; Total: 6,30", "Article: TOTAL; Total: 9,91"], ["---"]),
    "boxes.eml": (MAIL + "Content-Type: text/html\n\n<table><tr><td><p>Hors forfait</p><p>0,00 €</p></td><td><p>Forfait</p><p>19,99 €</p></td></tr></table><div><span>Frais</span><span>1,30 €</span></div><div>7,4 km</div><div>Distance</div><div>19 min</div><div>Durée</div>",
        ["Hors forfait: 0,00 €", "Forfait: 19,99 €", "Frais 1,30 €", "Distance\n\n19 min\n\nDurée"], []),
    "groups.csv": ("Région;Produit;T1;T2\nNord;Vélos;12;13\n;Casques;21;19\nTotal Nord;;33;32\nSud;Vélos;98;10\n;Casques;15;16\nTotal Sud;;113;26\n;Ensemble;146;58\n", ["Région: Nord; Produit: Casques; T1: 21", "Région: Sud; Produit: Casques; T1: 15", "Total Nord; T1: 33", "\n\nProduit: Ensemble; T1: 146"], []),
    "Inbox": ("From a@x.fr Mon Jan  8 09:00:00 2024\nSubject: Gaz\n\nIndex 4512.\n", ["Index 4512."], []),
    "deep.eml": (MAIL + "Content-Type: text/plain; format=flowed; delsp=yes\n\nVoir https://a.fr/ \nb.html ici.\n>> Qui \n>>  vient ?\n> Moi, \n From ici.\n-- \nAda\n",
        ["Voir https://a.fr/b.html ici.\n>> Qui vient ?\n> Moi,\nFrom ici.\n-- \nAda"], []),
    "armour.eml": (MAIL + "\nBonjour\n\n-----BEGIN PGP MESSAGE-----\nVersion: 2\n\nhQEMA5\n-----END PGP MESSAGE-----\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nLe code est 41.\n-----BEGIN PGP SIGNATURE-----\n\niQEzB\n-----END PGP SIGNATURE-----\nFin -----BEGIN PGP KEY\n",
        ["Bonjour\n\n\nLe code est 41.\n\nFin -----BEGIN PGP KEY", "unread_encrypted {'count': 1}"], ["hQEMA5", "iQEzB", "SHA256"]),
    "late.eml": ("\r\n\r\n" + MAIL + "\nLe prix est de 12 euros.\n", ["title:Devis", "12 euros"], ["MIME"]),
    "quotes.mbox": (f"From a@x Tue Mar  5 10:00:00 2024\n{MAIL}\n>From ici\n>>From là\n> From loin\n", ["\nFrom ici\n>From là\n> From loin"], []),
    "named.gz": (b"\x1f\x8b\x08\x0c\0\0\0\0\0\3\2\0xxn\xe9.csv\0" + gzip.compress(b"a;b;c\n1;2;3\n")[10:], ["name:named.gz/né.csv", "a: 1; b: 2; c: 3"], []),
    "nothing.docx": (b"", ["document_empty"], []),
    "blank.html": ("<html><body><script>x</script></body></html>", ["document_empty"], []),
    "nothing.zip": (b"PK\5\6" + bytes(18), ["document_"], []),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_further_files_of_text(found: Callable[..., list], name: str) -> None:
    data, wanted, unwanted = TEXTS[name]
    check(found(name, data), wanted, unwanted)


def test_a_small_table_does_not_spoil_the_next_one(found) -> None:
    found("a.csv", "a;b\n1;2\n")
    check(found("b.csv", f"id;note\n1;{'long ' * 50}\n2;court\n"), ["id: 2; note: court"])


def test_what_is_whole_of_an_archive_cut_short_is_read(found) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        for name in ("un.txt", "deux.txt"):
            info = tarfile.TarInfo(name)
            info.size = 3000
            file.addfile(info, io.BytesIO(random.Random(name).randbytes(1500).hex().encode()))
    cut = gzip.compress(packed.getvalue())[:-1400]
    check(
        found("a.tar.gz", cut),
        ["name:a.tar.gz/un.txt", "document_damaged"],
        ["name:a.tar.gz/deux.txt"],
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_whole_of_a_zip_cut_short_is_read(found, streamed: bool) -> None:
    packed = io.BytesIO()
    target = io.BufferedWriter(packed) if streamed else packed
    target.seekable = lambda: not streamed  # type: ignore[method-assign]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("un été.txt", "Le prix est de 12 euros. " * 40)
        file.writestr(
            zipfile.ZipInfo("deux.txt"),
            b"Entier",
            zipfile.ZIP_STORED if not streamed else zipfile.ZIP_DEFLATED,
        )
        file.writestr("trois.txt", random.Random(1).randbytes(900).hex())
    target.flush()
    cut = packed.getvalue()[:-500]
    check(
        found("a.zip", cut),
        ["name:a.zip/un été.txt", "12 euros", "Entier", "document_damaged"],
        ["trois"],
    )
    check(found("a.docx", cut), ["document_damaged"], ["12 euros"])
    check(found("b.zip", b"PK\3\4" + bytes(40)), ["document_damaged"])


NAMES = dict.fromkeys(
    ("cp437", "cp850", "utf-8", "cp1252", "mac-roman"), "Réunion d'été à Noël.txt"
)


@pytest.mark.parametrize(("encoding", "wanted"), [*NAMES.items(), ("cp932", "会議の記録.txt")])
def test_names_of_members_by_how_likely_they_are(found, encoding: str, wanted: str) -> None:
    name, data = wanted.encode(encoding), b"Bonjour"
    sizes = struct.pack("<IIIHH", zlib.crc32(data), len(data), len(data), len(name), 0)
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 0, 0, 0) + sizes + name + data
    central = b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 0) + sizes + bytes(14) + name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    check(found("a.zip", local + central + end), [wanted])


def rows_of(texts: list[list[str]], row: str, cell: str) -> str:
    """Rows of a table whose second cell covers two columns and whose first covers two rows."""
    made = ""
    for n, texts_ in enumerate(texts):
        spans = {(0, 0): "R", (0, 1): "C", (1, 0): "covered", (0, 2): "covered"}
        made += f"<{row}>"
        for m, text in enumerate(texts_):
            made += cell(text, spans.get((n, m), ""))
        made += f"</{row}>"
    return made


def _odf_cell(text: str, span: str) -> str:
    if span == "covered":
        return "<table:covered-table-cell/>"
    way = {"R": 'table:number-rows-spanned="2"', "C": 'table:number-columns-spanned="2"'}
    return f"<table:table-cell {way.get(span, '')}><text:p>{text}</text:p></table:table-cell>"


def _word_cell(text: str, span: str) -> str:
    way = {"R": '<w:vMerge w:val="restart"/>', "C": '<w:gridSpan w:val="2"/>'}
    way["covered"] = "<w:vMerge/>"
    return f"<w:tc><w:tcPr>{way.get(span, '')}</w:tcPr>{paragraph(text)}</w:tc>"


def _slide_cell(text: str, span: str) -> str:
    way = {"R": 'rowSpan="2"', "C": 'gridSpan="2"', "covered": 'vMerge="1"'}
    body = f"<a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody>"
    return f"<a:tc {way.get(span, '')}>{body}</a:tc>"


def _page_cell(text: str, span: str) -> str:
    way = {"R": "rowspan=2", "C": "colspan=2"}
    return "" if span == "covered" else f"<td {way.get(span, '')}>{text}</td>"


@pytest.mark.parametrize("kind", ["odt", "ods", "odp", "docx", "pptx", "html", "xlsx"])
def test_names_in_two_rows_with_merged_cells(found, make, kind: str) -> None:
    odf = f"<table:table>{rows_of(SPANS, 'table:table-row', _odf_cell)}</table:table>"
    if kind == "odt":
        data = make.odf("text", odf)
    elif kind == "ods":
        data = make.odf("spreadsheet", odf)
    elif kind == "odp":
        data = make.odf("presentation", f"<draw:page><draw:frame>{odf}</draw:frame></draw:page>")
    elif kind == "docx":
        texts = [SPANS[0][:2], *SPANS[1:]]
        data = make.docx(f"<w:tbl>{rows_of(texts, 'w:tr', _word_cell)}</w:tbl>")
    elif kind == "pptx":
        from tests.reading.test_tables import slides

        table = rows_of(SPANS, "a:tr", _slide_cell)
        data = slides(make, f'<a:tbl><a:tblPr firstRow="1"/>{table}</a:tbl>')
    elif kind == "html":
        data = f"{PROSE}<table>{rows_of(SPANS, 'tr', _page_cell)}</table>"
    else:
        merged = '<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="B1:C1"/></mergeCells>'
        data = make.xlsx("".join(f"<row>{cells(*row)}</row>" for row in SPANS), merged)
    check(found(f"a.{kind}", data), DIVIDED)


ODF_CELL = "<table:table-cell {}>{}</table:table-cell>"


def odf_row(*given: tuple[str, str]) -> str:
    return f"<table:table-row>{''.join(ODF_CELL.format(*each) for each in given)}</table:table-row>"


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


SHEETS: dict[str, tuple[str, list[str]]] = {
    "values without a text": (odf_row(("", p("Poste")), ("", p("Montant")))
        + "".join(odf_row(("", p(name)), (value, "")) for name, value in (
            ("École", 'office:value-type="float" office:value="1200.5"'), ("Taux", 'office:value-type="percentage" office:value="0.055"'),
            ("Jour", 'office:date-value="2024-03-05"'), ("Durée", 'office:time-value="PT26H30M00S"'), ("Nom", 'office:string-value="Ada"'), ("Oui", 'office:boolean-value="true"'))),
        ["École: 1200,5", "Taux: 5,5%", "Jour: 2024-03-05", "Durée: 26:30:00", "Nom: Ada", "Oui: Vrai"]),
    "formulas": (odf_row(("", p("A")), ("", p("B")), ("", p("C"))) + odf_row(("", p("x")), ('office:value="2"', p("2")), ('office:value="3"', p("3")))
        + odf_row(("", p("y")), ('table:formula="of:=SUM([.B2:.C2])*2"', ""), ('table:formula="of:=TODAY()"', "")),
        ["A: y; B: 10; C: =TODAY()", "read_formulas {'count': 1}", "'cells': 'C3'"]),
    "hidden": ('<table:table-column table:visibility="collapse"/>' + odf_row(("", p("Nom")), ("", p("Âge"))) + odf_row(("", p("Léa")), ("", p("12"))), ["read_hidden {'count': 1}"]),
    "names that are figures": (f"<table:table-header-rows>{odf_row(('', p('1')), ('', p('2')), ('', p('3')))}</table:table-header-rows>" + odf_row(("", p("10")), ("", p("20")), ("", p("31"))), ["1: 10; 2: 20; 3: 31"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SHEETS)
def test_further_sheets_of_opendocument(found, make, name: str) -> None:
    rows, wanted = SHEETS[name]
    check(found("a.ods", make.odf("spreadsheet", f"<table:table>{rows}</table:table>")), wanted)


def word_table(*rows: list[str]) -> str:
    made = (
        "".join(_word_cell(c, "") if c[:1] != "<" else f"<w:tc>{c}</w:tc>" for c in row)
        for row in rows
    )
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in made)}</w:tbl>"


def odf_table(*rows: list[str], attributes: str = "") -> str:
    made = (odf_row(*(("", c if c[:1] == "<" else p(c)) for c in row)) for row in rows)
    return f"<table:table {attributes}>{''.join(made)}</table:table>"


LOTS = ["Lot", "Entreprise", "Détail"], ["Sol", "", "C# 12"]
TILES = ["Tuiles", "12 000"], ["Pose", "6 400"]
NESTED = ["Lot: Toit; Entreprise: Roy; Détail: Tuiles: 12 000 / Pose: 6 400", "Lot: Sol; Détail: C# 12"]  # fmt: skip


def mathematics(*elements: str) -> str:
    text = "".join(elements).replace("<t>", "<m:r><m:t>").replace("</t>", "</m:t></m:r>")
    return f'<w:p><m:oMath xmlns:m="m">{text}</m:oMath></w:p>'


def with_members(data: bytes, members: dict[str, str]) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(data), "a") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


EQUATIONS = {
    f"{folder}/content.xml": f"<math><msqrt><mi>{letter}</mi></msqrt></math>"
    for folder, letter in (("Object 1", "v"), ("Formula-0", "w"))
}
TEXT_PARTS: dict[str, tuple[str, str, list[str], list[str]]] = {
    "shapes": ("<text:p>T<draw:custom-shape><text:p>Forme</text:p></draw:custom-shape><draw:g><draw:rect><text:p>Groupe</text:p></draw:rect></draw:g></text:p>", "", ["Forme", "Groupe"], []),
    "bibliography": ("<text:bibliography><text:index-body><text:p>DUPONT, 1998</text:p></text:index-body></text:bibliography>", "", ["DUPONT, 1998"], []),
    "struck": ('<text:p>Prix : <text:span text:style-name="S">15</text:span> 12 euros</text:p>', '<style:style style:name="S"><style:text-properties style:text-line-through-style="solid"/></style:style>', ["12 euros", "unread_deleted"], ["15"]),
    "nested": (odf_table(LOTS[0], ["Toit", "Roy", odf_table(*TILES, attributes='table:is-sub-table="true"')], LOTS[1]), "", NESTED, []),
    "placeholder": ('<text:p><text:content-control text:showing-place-holder="true">Choisissez</text:content-control>fin</text:p>', "", ["fin", "unread_empty_fields"], ["Choisissez"]),
    "equations": (
        "".join(
            f'<text:p>La racine <draw:frame><draw:object {root}</draw:object></draw:frame> suffit.</text:p>'
            for root in ('xlink:href="./Object 1">', 'xlink:href="Formula-0/">', "><math><mi>t</mi></math>")
        ),
        "", ["La racine √(v) suffit.\n\nLa racine √(w) suffit.\n\nLa racine t suffit."], ["unread_embedded"]),
    "ruby": ("<text:p><text:ruby><text:ruby-base>base</text:ruby-base><text:ruby-text>haut</text:ruby-text></text:ruby></text:p>", "", ["base"], ["haut"]),
    "fields of forms": ('<office:forms><form:form><form:date form:id="d" form:current-value="2024-03-05"/><form:formatted-text form:id="n" form:current-value="12"/></form:form></office:forms><text:p>Le <draw:control draw:control="d"/>, <draw:control draw:control="n"/> ans</text:p>', "", ["Le 2024-03-05, 12 ans"], []),
    "lists": ('<text:list xml:id="l" text:style-name="L"><text:list-item><text:p>un</text:p></text:list-item></text:list><text:p>Entre</text:p><text:list text:continue-list="l" text:style-name="L"><text:list-item><text:p>deux</text:p></text:list-item></text:list>', '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-suffix="." style:num-format="1"/></text:list-style>', ["1. un", "2. deux"], []),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT_PARTS)
def test_further_texts_of_opendocument(found, make, name: str) -> None:
    body, automatic, wanted, unwanted = TEXT_PARTS[name]
    data = make.odf("text", body, automatic=automatic)
    check(found("a.odt", with_members(data, EQUATIONS)), wanted, unwanted)


def test_feet_of_slides_and_heads_of_sheets_are_read(found, make) -> None:
    foot = "<presentation:footer-decl>Pied commun</presentation:footer-decl><draw:page><draw:frame><draw:text-box><text:p>x</text:p></draw:text-box></draw:frame></draw:page>"
    check(found("a.odp", make.odf("presentation", foot)), ["Pied commun"])
    head = "<office:master-styles><style:master-page><style:header><style:region-left><text:p>Confidentiel 12</text:p></style:region-left></style:header></style:master-page></office:master-styles>"
    sheet = f"<table:table>{odf_row(('', p('a')), ('', p('b')))}</table:table>"
    check(found("a.ods", make.odf("spreadsheet", sheet, head)), ["Confidentiel 12"])


def test_boxes_to_tick_on_sheets_say_their_text(found, make) -> None:
    shape = '<v:shape><v:textbox><div>{}<br></div></v:textbox><x:ClientData ObjectType="Checkbox">{}</x:ClientData></v:shape>'
    drawn = shape.format("J’accepte", "<x:Checked>1</x:Checked>") + shape.format("Je refuse", "")
    data = make.xlsx(
        f"<row>{cells(7)}</row>", vmlDrawing=f'<xml xmlns:v="v" xmlns:x="x">{drawn}</xml>'
    )
    check(found("a.xlsx", data), ["☒ J’accepte", "☐ Je refuse"])
    form = '<office:forms><form:form><form:checkbox form:id="c" form:label="Oui" form:current-state="checked"/></form:form></office:forms>'
    sheet = f'<table:table><table:shapes><draw:control draw:control="c"/></table:shapes>{odf_row(("", p("a")), ("", p("b")))}</table:table>'
    check(found("a.ods", make.odf("spreadsheet", form + sheet)), ["☒ Oui"])


NUMBERED = '<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:p>'
WORD: dict[str, tuple[str, list[str], list[str]]] = {
    "struck": (f'<w:p><w:r><w:rPr><w:strike/></w:rPr><w:t>15</w:t></w:r><w:r><w:t>12 euros</w:t></w:r></w:p>{paragraph("x")}', ["12 euros", "unread_deleted"], ["15"]),
    "deleted row": (f'<w:tbl><w:tr>{"".join(_word_cell(c, "") for c in "ABC")}</w:tr><w:tr><w:trPr><w:del/></w:trPr>{"".join(_word_cell(c, "") for c in ("x1", "x2", "x3"))}</w:tr><w:tr>{"".join(_word_cell(c, "") for c in ("y1", "y2", "y3"))}</w:tr></w:tbl>', ["A: y1; B: y2", "unread_deleted"], ["x1"]),
    "numbers alone": (f'<w:tbl>{"".join(f"<w:tr><w:tc>{NUMBERED}</w:tc><w:tc>{paragraph(each)}</w:tc></w:tr>" for each in ("un", "deux", "trois"))}</w:tbl>', ["2.: deux", "3.: trois"], []),
    "empty control": (f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{paragraph('Cliquez ici')}</w:sdtContent></w:sdt>{paragraph('x')}", ["unread_empty_fields"], ["Cliquez"]),
    "fonts of signs": ('<w:p><w:r><w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>þ</w:t></w:r><w:r><w:t> Oui </w:t></w:r><w:r><w:sym w:font="Symbol" w:char="F061"/></w:r></w:p>', ["☒ Oui α"], ["þ"]),
    "nested": (word_table(LOTS[0], ["Toit", "Roy", word_table(*TILES) + "<w:p/>"], LOTS[1]), NESTED, []),
    "notes": ('<w:p><w:r><w:t>Un</w:t><w:footnoteReference w:id="2"/><w:endnoteReference w:id="2"/></w:r></w:p>', ["Un[1][2]"], []),
    "boxes": (f'<w:p><w:r><w:txbxContent>{paragraph("dehors")}<w:p><w:r><w:txbxContent>{paragraph("dedans")}</w:txbxContent></w:r></w:p></w:txbxContent><w:textpath string="BROUILLON"/></w:r></w:p>', ["dehors\n\ndedans\n\nBROUILLON"], ["dedans\n\ndedans"]),
    "only for old programs": (f'<w:p><w:r><w:AlternateContent><w:Choice><w:drawing/></w:Choice><w:Fallback><w:txbxContent>{paragraph("ancien")}</w:txbxContent></w:Fallback></w:AlternateContent></w:r></w:p>', ["ancien"], []),
    "roots": (mathematics("<m:rad><m:deg><t>3</t></m:deg><m:e><t>x</t></m:e></m:rad>", "<m:rad><m:deg/><m:e><t>y</t></m:e></m:rad>"), ["(x)^(1/(3))√(y)"], []),
    "matrices": (mathematics("<m:m><m:mr><m:e><t>a</t></m:e><m:e><t>b</t></m:e></m:mr><m:mr><m:e><t>c</t></m:e><m:e><t>d</t></m:e></m:mr></m:m>"), ["a, b ; c, d"], []),
    "accents": (mathematics("<m:func><m:fName><t>sin</t></m:fName><m:e><t>t</t></m:e></m:func>", "<m:acc><m:accPr><m:chr m:val='\u20d7'/></m:accPr><m:e><t>v</t></m:e></m:acc>", '<m:bar><m:barPr><m:pos m:val="top"/></m:barPr><m:e><t>w</t></m:e></m:bar>'), ["sin tv\u20d7w\u0305"], []),
    "own boxes": ('<w:p><w:sdt><w:sdtPr><w:checkbox><w:checked w:val="1"/></w:checkbox></w:sdtPr><w:sdtContent><w:r><w:t>R</w:t></w:r></w:sdtContent></w:sdt><w:r><w:t> oui</w:t></w:r></w:p>', ["☒ oui"], []),
    "empty cell": (f'<w:tbl><w:tr>{"".join(_word_cell(c, "") for c in "ABC")}</w:tr><w:tr>{_word_cell("1", "")}{_word_cell("2", "")}<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{_word_cell("Cliquez", "")}</w:sdtContent></w:sdt></w:tr></w:tbl>', ["A: 1; B: 2", "unread_empty_fields"], ["Cliquez"]),
    "deleted item": (NUMBERED.replace("</w:p>", "<w:r><w:t>un</w:t></w:r></w:p>") + NUMBERED.replace("</w:pPr>", "<w:rPr><w:del/></w:rPr></w:pPr><w:del><w:r><w:delText>x</w:delText></w:r></w:del>") + NUMBERED.replace("</w:p>", "<w:r><w:t>deux</w:t></w:r></w:p>"), ["1. un\n\n2. deux"], []),
    "brackets": ('<w:p><m:oMath xmlns:m="m"><m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e><m:r><m:t>y</m:t></m:r></m:e></m:d></m:oMath></w:p>', ["[y]"], []),
}  # fmt: skip


@pytest.mark.parametrize("name", WORD)
def test_further_texts_of_word(found, make, name: str) -> None:
    body, wanted, unwanted = WORD[name]
    level = '<w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    lists = f'<w:numbering {W}><w:abstractNum w:abstractNumId="0">{level}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    check(found("a.docx", make.docx(body, numbering=lists)), wanted, unwanted)


def test_styles_of_word_number_hide_and_raise(found, make) -> None:
    def style(name: str, called: str, rest: str, under: str = "") -> str:
        return f'<w:style w:styleId="{name}"><w:name w:val="{called}"/><w:basedOn w:val="{under}"/>{rest}</w:style>'

    def listed(inner: str) -> str:
        return f"<w:pPr><w:numPr>{inner}</w:numPr></w:pPr>"

    one = '<w:numId w:val="1"/>'
    styles = (
        style("T1", "heading 1", listed(one)),
        style("T2", "heading 2", listed('<w:ilvl w:val="1"/>'), "T1"),
        style("T3", "heading 3", listed(one)),
        style("H", "caché", "<w:rPr><w:vanish/></w:rPr>"),
        style("E", "exposant", '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>', "X"),
    )
    levels = "".join(
        f'<w:lvl w:ilvl="{n}"><w:numFmt w:val="decimal"/><w:pStyle w:val="T{n + 1}"/><w:lvlText w:val="{form}"/></w:lvl>'
        for n, form in enumerate(("%1.", "%1.%2", "%1.%2.%3"))
    )
    lists = f'<w:numbering {W}><w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    body = "".join(paragraph(name, f'<w:pStyle w:val="{name}"/>') for name in ("T1", "T2", "T3"))
    body += paragraph("secret", "", '<w:rStyle w:val="H"/>') + paragraph(
        "s2", '<w:pStyle w:val="H"/>'
    )
    body += '<w:p><w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:rStyle w:val="E"/></w:rPr><w:t>-6</w:t></w:r></w:p>'
    deleted = f"<w:ftr {W}>{paragraph('Pied', one.join(('<w:numPr>', '</w:numPr>')))}<w:p><w:del/></w:p></w:ftr>"
    styled = f"<w:styles {W}>{''.join(styles)}</w:styles>"
    data = make.docx(body, numbering=lists, styles=styled, footer=deleted)
    wanted = ["# 1. T1", "## 1.1 T2", "### 1.1.1 T3", "10⁻⁶", "unread_hidden {'count': 2}", "1. Pied", "unread_deleted"]  # fmt: skip
    check(found("a.docx", data), wanted, ["secret", "s2"])


def test_files_in_a_text_are_documents(found, make) -> None:
    sheet = make.xlsx(
        f"<row>{cells('Lot', 'Prix', 'Mois')}</row><row>{cells('Toit', 18400, 'mai')}</row>"
    )
    data = make.docx(paragraph("Voir"), aFChunk="<p>Importé</p>")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members["word/aFChunk.html"] = members.pop("word/aFChunk.xml")
    members["word/package.xlsx"] = sheet
    relations = make.relations(aFChunk="aFChunk.html", package="package.xlsx")
    members["word/_rels/document.xml.rels"] = relations
    wanted = ["Voir", "Importé", "Lot: Toit; Prix: 18400; Mois: mai", "name:a.docx/package.xlsx"]
    check(found("a.docx", make.zipped(members)), wanted)


def test_a_workbook_says_who_remarks_what_is_hidden_and_which_row_has_names(found, make) -> None:
    s = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rows = f"<row>{cells(1, 2, 3)}</row><row hidden='1'>{cells(10, 20, 31)}</row>"
    comments = f'<comments {s}><authors><author>Ada</author></authors><commentList><comment ref="B2" authorId="0"><text><t>provisoire</t></text></comment></commentList></comments>'
    table = f'<table {s} ref="A1:C2"/>'
    data = make.xlsx(rows, "<cols><col hidden='1'/></cols>", comments=comments, table=table)
    check(
        found("a.xlsx", data), ["1: 10; 2: 20 [Ada: provisoire]; 3: 31", "read_hidden {'count': 2}"]
    )


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("A1*B1+1", "9"),
        ("SUM(A1:B1)/2^2", "1,5"),
        ("AVERAGE(A1:B1)*20%", "0,6"),
        ("ROUND(B1/3,2)", "1,33"),
        ("MAX(A1:B1)-MIN(A1,B1)+COUNT($A$1:$B$1)", "4"),
        ("D1+1", "=D1+1"),
        ("C1+A1", "10"),
        ("1/0", "=1/0"),
        ("E1", "=E1"),
        ("VLOOKUP(A1,X,2)", "=VLOOKUP(A1,X,2)"),
        ("9**9**9", "=9**9**9"),
        ("__import__('os')", "=__import__('os')"),
    ],
)
def test_simple_formulas_are_worked_out(text, make, formula: str, shown: str) -> None:
    given = '<c r="A1"><v>2</v></c><c r="B1"><v>4</v></c><c r="C1"><f>A1*B1</f></c>'
    word = '<c r="D1" t="inlineStr"><is><t>mot</t></is></c>'
    data = make.xlsx(f'<row r="1">{given}{word}<c r="E1"><f>{formula}</f></c></row>')
    assert text("a.xlsx", data).split(" | ")[-1] == shown


def test_slides_count_their_lists(found, make) -> None:
    from tests.reading.test_tables import slides

    items = "".join(
        f'<a:p><a:pPr lvl="{level}">{kind}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>'
        for level, kind, text in (
            (0, '<a:buAutoNum type="arabicPeriod" startAt="3"/>', "trois"),
            (1, '<a:buAutoNum type="alphaLcParenR"/>', "petit"),
            (0, '<a:buAutoNum type="arabicPeriod" startAt="3"/>', "quatre"),
        )
    )
    data = slides(make, f"<p:sp><p:txBody>{items}</p:txBody></p:sp>")
    check(found("a.pptx", data), ["3. trois", "a) petit", "4. quatre"])


def test_what_is_struck_through_on_a_slide_is_said_to_be_left_out(found, make) -> None:
    from tests.reading.test_tables import slides

    runs = '<a:r><a:rPr strike="sngStrike"/><a:t>15</a:t></a:r><a:r><a:rPr strike="noStrike"/><a:t>12</a:t></a:r>'
    check(
        found("a.pptx", slides(make, f"<a:p>{runs}</a:p>")),
        ["12", "unread_deleted {'count': 1}"],
        ["15"],
    )


def test_what_every_slide_shows_is_said_once(found, make) -> None:
    from tests.reading.test_tables import slides

    data = slides(make, "<a:p><a:r><a:t>Un</a:t></a:r></a:p>")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {name: file.read(name).decode() for name in file.namelist()}
    shape = "<p:sp><p:txBody><a:p><a:r><a:t>Confidentiel 12</a:t></a:r></a:p></p:txBody></p:sp>"
    members["ppt/slides/l.xml"] = members["ppt/slides/s0.xml"].replace("<a:p>", f"{shape}<a:p>")
    members["ppt/slides/_rels/s0.xml.rels"] = make.relations(slideLayout="l.xml")
    check(found("a.pptx", make.zipped(members)), ["Un", "Confidentiel 12"])
    frame = "<draw:frame presentation:class='{}'><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    shown = "".join(
        frame.format(*each)
        for each in (("footer", "Pied 12"), ("page-number", "numéro"), ("outline", "numéro"))
    )
    master = f"<office:master-styles><style:master-page>{shown}</style:master-page></office:master-styles>"
    page = f"<draw:page>{frame.format('title', 'Un')}</draw:page>"
    check(found("a.odp", make.odf("presentation", page, master)), ["# Un", "Pied 12"], ["numéro"])
    assert found("b.pptx", slides(make))[0].text == ""
    parts = [f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in ("un", "deux")]
    assert found("c.pptx", slides(make, *parts))[0].text == "un\n\ndeux"


def test_values_of_charts_are_shown_as_their_format_says(found, make) -> None:
    from tests.reading.test_tables import slides

    def points(tag: str, code: str, *values: str) -> str:
        cached = "".join(f'<c:pt idx="{n}"><c:v>{v}</c:v></c:pt>' for n, v in enumerate(values))
        return f"<c:{tag}><c:numRef><c:numCache><c:formatCode>{code}</c:formatCode>{cached}</c:numCache></c:numRef></c:{tag}>"

    series = f"<c:ser><c:tx><c:v>Part de la ville</c:v></c:tx>{points('cat', 'yyyy-mm-dd', '45356', '45387')}{points('val', '0.0%', '0.055', '0.25')}</c:ser>"
    with zipfile.ZipFile(io.BytesIO(slides(make, "<a:p><a:r><a:t>Un</a:t></a:r></a:p>"))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members["ppt/slides/c.xml"] = f'<c:chartSpace xmlns:c="c">{series}</c:chartSpace>'.encode()
    members["ppt/slides/_rels/s0.xml.rels"] = make.relations(chart="c.xml")
    check(found("a.pptx", make.zipped(members)), ["2024-03-05; Part de la ville: 5,5%"])


def test_a_text_locked_with_a_password_is_said_to_be(found, make) -> None:
    with zipfile.ZipFile(io.BytesIO(make.odf("text", p("x")))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    members |= {"META-INF/manifest.xml": b"<m><encryption-data/></m>", "content.xml": b"\1\2\3"}
    check(found("a.odt", make.zipped(members)), ["document_locked"])


def test_zeros_in_a_message_of_outlook_do_no_harm() -> None:
    from index.reading.outlook import _narrow

    assert _narrow("Réunion\0".encode("cp1252")) == "Réunion"


def test_the_title_of_a_slide_stands_first(found, make) -> None:
    from tests.reading.test_tables import slides

    title = '<p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>Plan</a:t></a:r></a:p></p:txBody></p:sp>'
    data = slides(
        make, f"<p:sp><p:txBody><a:p><a:r><a:t>Un</a:t></a:r></a:p></p:txBody></p:sp>{title}"
    )
    check(found("a.pptx", data), ["# Plan\n\nUn"])
