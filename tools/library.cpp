#include "tools/library.h"

#include "Halide.h"
#include "tools/process.h"
#include "tools/table.h"
#include "tools/toolchain.h"

namespace halconv {

namespace fs = std::filesystem;

namespace {

// The headers that a table includes: in include/ beside the program's bin/, installed or in the build folder.
fs::path include_folder() { return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "include"; }

// All kernels of a library are for one platform: plan_kernels sees to that.
const Target &platform(const KernelLibrary &library) { return library.jobs[0].compile.target; }

fs::path compile_table(const KernelLibrary &library, const fs::path &folder) {
    fs::path source = folder / (library.name + "_table.c"), object = folder / (library.name + "_table.o");
    write_text(source, table_source(library.jobs, library.name, library.function));
    std::vector<std::string> command = toolchain_of(platform(library)).compiler;
    for (const std::string &argument :
         {std::string("-c"), std::string("-O1"), std::string("-fPIC"), "-ffile-prefix-map=" + folder.string() + "=.",
          "-I" + include_folder().string(), source.string(), std::string("-o"), object.string()}) {
        command.push_back(argument);
    }
    run_program(command);
    return object;
}

std::vector<std::string> members(const KernelLibrary &library, const fs::path &folder) {
    std::vector<std::string> files;
    for (size_t i = 0; i < library.jobs.size(); i++) {
        fs::path member = folder / (library.jobs[i].compile.symbol + ".o");
        fs::create_symlink(fs::absolute(library.objects[i]), member);
        files.push_back(member.string());
    }
    files.push_back(compile_table(library, folder).string());
    return files;
}

}  // namespace

void write_archive(const KernelLibrary &library, const fs::path &archive) {
    ScratchFolder folder(fs::temp_directory_path());
    std::vector<std::string> command = {toolchain_of(platform(library)).archiver, "rcsD",
                                        fs::absolute(archive).string()};
    for (const std::string &member : members(library, folder.path())) {
        command.push_back(member);
    }
    run_program(command);
}

void write_shared(const KernelLibrary &library, const fs::path &shared) {
    ScratchFolder folder(fs::temp_directory_path());
    std::vector<std::string> command = toolchain_of(platform(library)).compiler;
    command.insert(command.end(), {"-shared", "-o", shared.string()});
    for (const std::string &member : members(library, folder.path())) {
        command.push_back(member);
    }
    command.push_back("-lm");
    run_program(command);
}

}  // namespace halconv
