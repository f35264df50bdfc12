"""Any causal model of `transformers` for everybody who asks: prompts are read one after the other, answers are written together.

The states of the answers that are being written lie in one tensor a layer, the shorter ones padded at their beginning. Where a
model's state can't be padded (a sliding window, a recurrent state), one asker is served after the other.
"""

from collections.abc import Sequence
from typing import Any

from rag.llm.base import shared_beginning
from rag.llm.scheduler import Job, Serving

_AT_ONCE = 256  # tokens read in one run of the model
_MOST = 32  # answers written at once
_LONG = 2048  # tokens that each of them is thought to have


class Stack(Serving):
    """Serves jobs from one model. The logits are (v,) tensors, float32, on the processor.

    Args:
        model: a causal model, on its device.
        ends: the tokens that end an answer.
    """

    def __init__(self, model: Any, ends: frozenset[int]) -> None:
        import torch

        super().__init__()
        self._torch = torch
        self._model = model
        self._ends = ends
        self.slots = _slots(torch, model)
        # The tokens of the prompt that was read last and the model's state after them: one that begins alike goes on from there.
        self._known: list[int] = []
        self._state: Any = None
        self._rows: list[Job] = []  # the answers being written, one row each
        self._stacked: Any = None  # their states, without the token of each that was written last
        self._lengths: list[int] = []  # of the states in tokens, padding left out
        self._alone = False  # whether a state can't be padded
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the memory."""
        if not self._closed:
            super().close()
            self._model = self._state = self._stacked = None

    def _begin(self, job: Job) -> bool:
        if not job.stopped:
            self._active.append(job)
        return True

    def _finish(self, job: Job, error: Exception | None = None) -> None:
        self._active.remove(job)
        job.out.put(error)

    def _step(self) -> None:
        with self._torch.inference_mode():
            self._leave()
            if self._rows:
                self._write()
            reading = next((job for job in self._active if job.token is None), None)
            if reading and not (self._alone and self._rows):
                self._read(reading)

    def _read(self, job: Job) -> None:
        """Read some of a prompt, from where it parts from what was read last."""
        known, state = self._known, self._state
        # While this runs the state is in between: after an error the next run begins anew.
        self._known, self._state = [], None
        common = min(
            shared_beginning(known, job.prompt), len(job.prompt) - 1
        )  # the last token is always run
        if common < len(known):
            if common and _plain(state):
                state.crop(common - len(known))
            else:
                common, state = 0, None
        part = job.prompt[common : common + _AT_ONCE]
        ids = self._torch.tensor([part], device=self._model.device)
        out = self._model(input_ids=ids, past_key_values=state, use_cache=True, logits_to_keep=1)
        self._known, self._state = job.prompt[: common + len(part)], out.past_key_values
        if len(self._known) < len(job.prompt):
            return
        if job.wants == "logits":
            job.out.put(out.logits[0, -1].float().cpu())
        elif job.wants == "tokens" and self._take(job, int(out.logits[0, -1].argmax())):
            self._join(job)
            return
        self._finish(job)

    def _join(self, job: Job) -> None:
        """Begin to write: put the state of the prompt beside those of the other answers."""
        self._alone = not _plain(self._state)
        if self._alone:
            self._stacked, self._known, self._state = self._state, [], None
        else:
            self._stacked = _beside(self._torch, self._stacked, self._state)
        self._rows.append(job)
        self._lengths.append(len(job.prompt))

    def _leave(self) -> None:
        """Let go of the rows of those who are served."""
        staying = [place for place, job in enumerate(self._rows) if job in self._active]
        if len(staying) == len(self._rows):
            return
        self._rows = [self._rows[place] for place in staying]
        self._lengths = [self._lengths[place] for place in staying]
        if not staying:
            self._stacked = None
            return
        for layer in self._stacked.layers:
            layer.keys = layer.keys[staying, :, -max(self._lengths) :]
            layer.values = layer.values[staying, :, -max(self._lengths) :]

    def _write(self) -> None:
        """Write the next token of each answer."""
        device, longest = self._model.device, max(self._lengths) + 1
        places: dict[str, Any] = {}
        if len(self._rows) > 1:
            lengths = self._torch.tensor(self._lengths, device=device)[:, None]
            mask = self._torch.arange(longest, device=device)[None] >= longest - 1 - lengths
            places = {"attention_mask": mask.long(), "position_ids": lengths}
        last = self._torch.tensor([[job.token] for job in self._rows], device=device)
        out = self._model(
            input_ids=last,
            past_key_values=self._stacked,
            use_cache=True,
            logits_to_keep=1,
            **places,
        )
        self._stacked = out.past_key_values
        self._lengths = [length + 1 for length in self._lengths]
        for job, token in zip(self._rows, out.logits[:, -1].argmax(-1).tolist(), strict=True):
            if not self._take(job, token):
                self._finish(job)

    def _take(self, job: Job, token: int) -> bool:
        return job.write(token, ends=token in self._ends)


def _slots(torch: Any, model: Any) -> int:
    """How many answers are written at once: on a GPU as many as half of its free memory has room for."""
    if model.device.type != "cuda":
        return Serving.slots
    text = model.config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    of_each = 2 * text.num_hidden_layers * heads * width * model.dtype.itemsize * _LONG
    free, _ = torch.cuda.mem_get_info()
    return int(min(max(free // 2 // of_each, 1), _MOST))


def _plain(state: Any) -> bool:
    """Whether a state is keys and values of each token, all there: not where a window slides or all is mixed into one."""
    from transformers import DynamicCache

    return isinstance(state, DynamicCache) and not any(
        getattr(layer, "is_sliding", True) for layer in state.layers
    )


def _beside(torch: Any, stacked: Any, state: Any) -> Any:
    """A copy of a state as the last row of a stack, the shorter of the two padded at its beginning."""
    from transformers import DynamicCache

    joined = DynamicCache()
    for number, layer in enumerate(state.layers):
        pair = []
        for old, new in zip(_of(stacked, number), (layer.keys, layer.values), strict=True):
            rows: Sequence[Any] = [new] if old is None else [old, new]
            longest = max(row.shape[-2] for row in rows)
            pair.append(
                torch.cat(
                    [
                        torch.nn.functional.pad(row, (0, 0, longest - row.shape[-2], 0))
                        for row in rows
                    ]
                )
            )
        joined.update(*pair, number)
    return joined


def _of(stacked: Any, number: int) -> tuple[Any, Any]:
    return (
        (None, None)
        if stacked is None
        else (stacked.layers[number].keys, stacked.layers[number].values)
    )
