#include "runtime/opencl/driver.h"

#include <pthread.h>

#include "runtime/driver_library.h"

namespace halconv {

namespace {

ClDriver driver;
bool usable = false;
pthread_once_t once = PTHREAD_ONCE_INIT;

void open_driver() {
    DriverLibrary library("libOpenCL.so.1");
    library.find("clGetCommandQueueInfo", driver.queue_info);
    library.find("clGetDeviceInfo", driver.device_info);
    library.find("clCreateProgramWithSource", driver.create_program);
    library.find("clBuildProgram", driver.build_program);
    library.find("clReleaseProgram", driver.release_program);
    library.find("clCreateKernel", driver.create_kernel);
    library.find("clReleaseKernel", driver.release_kernel);
    library.find("clGetKernelWorkGroupInfo", driver.kernel_info);
    library.find("clSetKernelArg", driver.set_argument);
    library.find("clSetKernelArgSVMPointer", driver.set_pointer);
    library.find("clEnqueueNDRangeKernel", driver.enqueue);
    usable = library.complete();
}

}  // namespace

const ClDriver *cl_driver() {
    pthread_once(&once, open_driver);
    return usable ? &driver : nullptr;
}

}  // namespace halconv
