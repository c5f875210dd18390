// What NVIDIA's assembler makes of a kernel: resources of a thread and the instructions of its hot loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace halconv {

struct Sass {
    int registers = 0, stack_bytes = 0, spill_bytes = 0;  // the most of any kernel of the file
    int instructions = 0, ffma = 0;  // of the hot loop: the innermost one with the most FFMA, or else the kernel
    int loads_shared_128 = 0, loads_shared = 0;  // LDS.128, and all LDS
    bool loops = false;                          // whether there is such a loop
    // Of the staging loop: the hot loop or the smallest around it that waits at a barrier, or else the kernel.
    int staging_instructions = 0;
    int loads_global_128 = 0, loads_global = 0;  // LDG
    int barriers = 0;
};

struct CudaPrograms {
    std::string assembler, disassembler;  // ptxas, nvdisasm
};

// The figures of a PTX file, of the kernel with the hottest loop where there are two, for a chip ("sm_90"); writes the machine code beside it.
Sass assemble(const std::filesystem::path &ptx, const std::string &chip, const CudaPrograms &programs);

// The resources in what `ptxas -v` prints, and the loop in what `nvdisasm -c` prints.
void read_resources(const std::string &text, Sass &sass);
void read_hot_loop(const std::string &text, Sass &sass);

}  // namespace halconv
