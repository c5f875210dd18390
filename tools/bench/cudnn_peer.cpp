// halconv-cudnn-peer LAYERS..: times cuDNN on the layers, for tools/bench/table.py and plot.py. Per layer one line of JSON with
// GFLOP/s by the useful multiply-adds: "cudnn" with f32 arithmetic alone, "cudnn tf32" where it may round products' operands to
// TF32. Each is the fastest of what cuDNN's search finds in nhwc and in nchw. Convolution alone: no bias, no activation.
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/core/problem.h"
#include "tools/bench_figures.h"
#include "tools/layer.h"

namespace halconv {

namespace {

void check(cudnnStatus_t status) {
    if (status != CUDNN_STATUS_SUCCESS) {
        throw WorkError(std::string("cuDNN: ") + cudnnGetErrorString(status));
    }
}

void check(cudaError_t status) {
    if (status != cudaSuccess) {
        throw WorkError(std::string("CUDA: ") + cudaGetErrorString(status));
    }
}

class DeviceBytes {
  public:
    explicit DeviceBytes(size_t bytes) {
        check(cudaMalloc(&memory_, std::max<size_t>(bytes, 1)));
        check(cudaMemset(memory_, 0, std::max<size_t>(bytes, 1)));
    }
    ~DeviceBytes() { cudaFree(memory_); }
    DeviceBytes(const DeviceBytes &) = delete;
    DeviceBytes &operator=(const DeviceBytes &) = delete;
    void *get() const { return memory_; }

  private:
    void *memory_ = nullptr;
};

// cuDNN's descriptors have at least two spatial axes: one axis gets a unit axis before it.
struct Extents {
    int spatial;
    std::vector<int> input, output, filter, pad, stride, dilation;
};

std::vector<int> with_channels(int64_t batch, int64_t channels, const int64_t *sizes, int rank) {
    std::vector<int> extents = {int(batch), int(channels)};
    if (rank == 1) {
        extents.push_back(1);
    }
    extents.insert(extents.end(), sizes, sizes + rank);
    return extents;
}

std::vector<int> along_axes(const int64_t *values, int rank, int unit) {
    std::vector<int> axes(rank == 1 ? 1 : 0, unit);
    axes.insert(axes.end(), values, values + rank);
    return axes;
}

// None where cuDNN cannot express the problem: padding that differs on the two sides, or crops.
std::optional<Extents> extents_of(const halconv_problem &p, const int64_t *out) {
    for (int d = 0; d < p.rank; d++) {
        const bool sides_differ = p.op == HALCONV_CONV && p.pad_before[d] != p.pad_after[d];
        if (sides_differ || p.pad_before[d] < 0) {
            return {};
        }
    }
    const bool conv = p.op == HALCONV_CONV;
    const int64_t filters = conv ? p.out_channels : p.in_channels,
                  depth = (conv ? p.in_channels : p.out_channels) / p.groups;
    return Extents{std::max(p.rank, 2),
                   with_channels(p.batch, p.in_channels, p.in, p.rank),
                   with_channels(p.batch, p.out_channels, out, p.rank),
                   with_channels(filters, depth, p.kernel, p.rank),
                   along_axes(p.pad_before, p.rank, 0),
                   along_axes(p.stride, p.rank, 1),
                   along_axes(p.dilation, p.rank, 1)};
}

// One layer in one layout with one kind of arithmetic.
class Peer {
  public:
    Peer(cudnnHandle_t handle, const halconv_problem &problem, const Extents &e, cudnnTensorFormat_t format,
         cudnnMathType_t math)
        : handle_(handle), conv_(problem.op == HALCONV_CONV) {
        check(cudnnCreateTensorDescriptor(&input_));
        check(cudnnCreateTensorDescriptor(&output_));
        check(cudnnCreateFilterDescriptor(&filter_));
        check(cudnnCreateConvolutionDescriptor(&convolution_));
        const int dimensions = int(e.input.size());
        check(cudnnSetTensorNdDescriptorEx(input_, format, CUDNN_DATA_FLOAT, dimensions, e.input.data()));
        check(cudnnSetTensorNdDescriptorEx(output_, format, CUDNN_DATA_FLOAT, dimensions, e.output.data()));
        check(cudnnSetFilterNdDescriptor(filter_, CUDNN_DATA_FLOAT, format, dimensions, e.filter.data()));
        check(cudnnSetConvolutionNdDescriptor(convolution_, e.spatial, e.pad.data(), e.stride.data(), e.dilation.data(),
                                              CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
        check(cudnnSetConvolutionGroupCount(convolution_, int(problem.groups)));
        check(cudnnSetConvolutionMathType(convolution_, math));
    }
    ~Peer() {
        cudnnDestroyConvolutionDescriptor(convolution_);
        cudnnDestroyFilterDescriptor(filter_);
        cudnnDestroyTensorDescriptor(output_);
        cudnnDestroyTensorDescriptor(input_);
    }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    // Seconds of the fastest algorithm; none where cuDNN has none in this layout.
    std::optional<double> seconds(const DeviceBytes &x, const DeviceBytes &w, const DeviceBytes &y) const {
        constexpr int kMost = 16;
        int found = 0;
        if (conv_) {
            cudnnConvolutionFwdAlgoPerf_t best[kMost];
            const cudnnStatus_t status = cudnnFindConvolutionForwardAlgorithm(handle_, input_, filter_, convolution_,
                                                                              output_, kMost, &found, best);
            if (status != CUDNN_STATUS_SUCCESS || found == 0 || best[0].status != CUDNN_STATUS_SUCCESS) {
                return {};
            }
            const DeviceBytes workspace(best[0].memory);
            check(cudnnSetConvolutionMathType(convolution_, best[0].mathType));
            return median([&] {
                check(cudnnConvolutionForward(handle_, &kOne, input_, x.get(), filter_, w.get(), convolution_,
                                              best[0].algo, workspace.get(), best[0].memory, &kZero, output_, y.get()));
            });
        }
        cudnnConvolutionBwdDataAlgoPerf_t best[kMost];
        const cudnnStatus_t status = cudnnFindConvolutionBackwardDataAlgorithm(handle_, filter_, input_, convolution_,
                                                                               output_, kMost, &found, best);
        if (status != CUDNN_STATUS_SUCCESS || found == 0 || best[0].status != CUDNN_STATUS_SUCCESS) {
            return {};
        }
        const DeviceBytes workspace(best[0].memory);
        check(cudnnSetConvolutionMathType(convolution_, best[0].mathType));
        return median([&] {
            check(cudnnConvolutionBackwardData(handle_, &kOne, filter_, w.get(), input_, x.get(), convolution_,
                                               best[0].algo, workspace.get(), best[0].memory, &kZero, output_,
                                               y.get()));
        });
    }

  private:
    static constexpr float kOne = 1, kZero = 0;

    template <class Run> static double median(const Run &run) {
        constexpr int kWarmUp = 3, kSamples = 11, kRuns = 10;
        cudaEvent_t start, end;
        check(cudaEventCreate(&start));
        check(cudaEventCreate(&end));
        std::vector<double> samples;
        for (int i = 0; i < kWarmUp + kSamples; i++) {
            check(cudaEventRecord(start));
            for (int n = 0; n < kRuns; n++) {
                run();
            }
            check(cudaEventRecord(end));
            check(cudaEventSynchronize(end));
            float milliseconds = 0;
            check(cudaEventElapsedTime(&milliseconds, start, end));
            if (i >= kWarmUp) {
                samples.push_back(double(milliseconds) * 1e-3 / kRuns);
            }
        }
        cudaEventDestroy(start);
        cudaEventDestroy(end);
        return summarise(std::move(samples)).median;
    }

    cudnnHandle_t handle_;
    bool conv_;
    cudnnTensorDescriptor_t input_ = nullptr, output_ = nullptr;
    cudnnFilterDescriptor_t filter_ = nullptr;
    cudnnConvolutionDescriptor_t convolution_ = nullptr;
};

int run(const std::vector<std::string> &arguments) {
    const auto say = [](const std::string &remark) {
        std::fprintf(stderr, "halconv-cudnn-peer: %s\n", remark.c_str());
    };
    cudnnHandle_t handle = nullptr;
    check(cudnnCreate(&handle));
    for (const Layer &layer : load_layers(arguments, say)) {
        int64_t out[3];
        const std::optional<Extents> extents =
            check_problem(layer.problem, out) == HALCONV_OK ? extents_of(layer.problem, out) : std::nullopt;
        if (!extents) {
            say(layer.name + ": cuDNN has no such padding");
            continue;
        }
        const TensorSizes sizes = tensor_sizes(layer.problem);
        const DeviceBytes x(size_t(sizes.input) * sizeof(float)), w(size_t(sizes.weights) * sizeof(float)),
            y(size_t(sizes.output) * sizeof(float));
        nlohmann::ordered_json rates = nlohmann::ordered_json::object();
        const std::pair<const char *, cudnnMathType_t> kinds[] = {{"cudnn", CUDNN_FMA_MATH},
                                                                  {"cudnn tf32", CUDNN_DEFAULT_MATH}};
        for (const auto &[name, math] : kinds) {
            for (cudnnTensorFormat_t format : {CUDNN_TENSOR_NHWC, CUDNN_TENSOR_NCHW}) {
                const std::optional<double> time = Peer(handle, layer.problem, *extents, format, math).seconds(x, w, y);
                if (time) {
                    rates[name] = std::max(rates.value(name, 0.0), useful_flop(layer.problem) / *time * 1e-9);
                }
            }
        }
        const nlohmann::ordered_json line{{"name", layer.name}, {"gflops_nominal", rates}};
        std::printf("%s\n", line.dump().c_str());
        std::fflush(stdout);
    }
    check(cudnnDestroy(handle));
    return 0;
}

}  // namespace

}  // namespace halconv

int main(int argc, char **argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: halconv-cudnn-peer LAYERS..\n");
        return 2;
    }
    try {
        return halconv::run({argv + 1, argv + argc});
    } catch (const halconv::InputError &error) {
        std::fprintf(stderr, "halconv-cudnn-peer: %s\n", error.what());
        return 2;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "halconv-cudnn-peer: %s\n", error.what());
        return 1;
    }
}
