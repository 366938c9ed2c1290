"""Make torch give the same bytes at every run. Import this before torch."""

import os
import warnings

os.environ.update(
    # One thread: the order of a sum must not depend on the number of cores.
    OMP_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    # The same instructions on every x86 CPU, so that another machine agrees as far as it can.
    MKL_CBWR="COMPATIBLE",
    ATEN_CPU_CAPABILITY="default",
    # Everything that is read lies in this repository.
    HF_HUB_OFFLINE="1",
    CUDA_VISIBLE_DEVICES="",
    TOKENIZERS_PARALLELISM="false",
)

import torch  # noqa: E402
import transformers  # noqa: E402


def switch_on() -> None:
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)
    torch.set_float32_matmul_precision("highest")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=UserWarning)
