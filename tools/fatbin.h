// Machine code for NVIDIA's processors at build time: PTX through ptxas into a fat binary, so that no driver compiles at run
// time on the chips that it names.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace halconv {

// The two programs of the CUDA toolkit.
struct CudaToolkit {
    std::string assembler, packer;   // ptxas, fatbinary
    std::string version;             // as ptxas prints it: "V13.0.88"
    std::vector<std::string> chips;  // that ptxas knows: "sm_90", ..
};

// The toolkit in $CUDA_HOME/bin where that is set, else in PATH, else where this program's build found it. None where one of the
// two programs is missing there.
const std::optional<CudaToolkit> &cuda_toolkit();

// Of `first` and later rows of the GPU targets, the chips that the toolkit knows.
std::vector<std::string> chips_from(const std::string &first, const CudaToolkit &toolkit);

// The compute capability of "sm_90", 10 * major + minor.
int chip_capability(const std::string &chip);

// What a thread has on a chip; of several kernels in one text the most.
struct ChipFigures {
    std::string chip;
    int registers = 0, stack_bytes = 0, spill_bytes = 0;
};

struct FatBinary {
    std::string bytes;
    std::vector<ChipFigures> chips;
};

// PTX, with or without a closing zero, assembled for each chip, and itself for later ones. A block of `threads` threads gets no
// more registers than a processor has. The same input and toolkit give the same bytes. Throws WorkError.
FatBinary make_fat_binary(const std::string &ptx, const std::vector<std::string> &chips, int threads,
                          const CudaToolkit &toolkit);

// The figures in what `ptxas -v` prints. Throws WorkError where they are missing.
ChipFigures read_assembler_figures(const std::string &text);

}  // namespace halconv
