/* A small application of halconv: up-scales a PNG by 2 and by 8 with the two layers of upscale.onnx, and prints a table.
 *
 *     upscale IMAGE.png FOLDER PEAK OUT2.png OUT8.png
 *
 * FOLDER holds the weights up2.f32 and up8.f32 that make_model.py wrote; PEAK is the core's multiply-add peak in GFLOP/s
 * as `halconv bench` measures it. Exit status: 0, 1 (a layer failed), 2 (wrong usage, bad input, output not writable). */
#define _POSIX_C_SOURCE 200809L
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "halconv/halconv.h"
#include "upscale.h"

enum { kChannels = 3, kLayers = 2, kMostRuns = 25, kLeastRuns = 3, kText = 1024 };

/* Floats in planes: (channel, y, x). */
struct picture {
    int64_t height, width;
    float *data;
};

struct layer {
    const char *name, *weights_file, *out_file;
    int64_t scale;
};

struct result {
    char kernel[kText], reason[kText];
    double seconds, gflops;
};

static void fail(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("upscale: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

static void check(halconv_status status, const char *layer) {
    if (status != HALCONV_OK) {
        fail(1, "%s: %s", layer, halconv_status_text(status));
    }
}

/* Memory at a multiple of 64 bytes, as halconv wants packed weights and workspace. */
static void *allocate(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes / 64 + 1) * 64);
    if (!memory) {
        fail(1, "not enough memory for %zu bytes", bytes);
    }
    return memory;
}

static int64_t clamp(int64_t value, int64_t last) { return value < 0 ? 0 : value > last ? last : value; }

/* The image with each border pixel repeated once outwards, values 0 to 255. Any kind of PNG; transparency over white. */
static struct picture read_image(const char *path) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path)) {
        fail(2, "%s: %s", path, image.message);
    }
    image.format = PNG_FORMAT_RGB;
    png_byte *rgb = allocate(PNG_IMAGE_SIZE(image));
    const png_color white = {255, 255, 255};
    if (!png_image_finish_read(&image, &white, rgb, 0, NULL)) {
        fail(2, "%s: %s", path, image.message);
    }
    const int64_t height = image.height, width = image.width;
    struct picture extended = {height + 2, width + 2, NULL};
    extended.data = allocate((size_t)(kChannels * extended.height * extended.width) * sizeof(float));
    float *to = extended.data;
    for (int64_t c = 0; c < kChannels; ++c) {
        for (int64_t y = -1; y <= height; ++y) {
            for (int64_t x = -1; x <= width; ++x) {
                *to++ = rgb[(clamp(y, height - 1) * width + clamp(x, width - 1)) * kChannels + c];
            }
        }
    }
    free(rgb);
    return extended;
}

/* Writes the picture without its outermost `crop` pixels on each side. */
static void write_image(const char *path, const struct picture *picture, int64_t crop) {
    const int64_t height = picture->height - 2 * crop, width = picture->width - 2 * crop;
    png_byte *rgb = allocate((size_t)(height * width * kChannels));
    for (int64_t c = 0; c < kChannels; ++c) {
        for (int64_t y = 0; y < height; ++y) {
            const float *row = picture->data + ((c * picture->height + y + crop) * picture->width + crop);
            for (int64_t x = 0; x < width; ++x) {
                const float value = row[x] < 0 ? 0 : row[x] > 255 ? 255 : row[x];
                rgb[(y * width + x) * kChannels + c] = (png_byte)(value + 0.5f);
            }
        }
    }
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB,
                       .flags = PNG_IMAGE_FLAG_FAST};
    if (!png_image_write_to_file(&image, path, 0, rgb, 0, NULL)) {
        fail(2, "%s: %s", path, image.message);
    }
    free(rgb);
}

/* Little-endian floats, IOHW. */
static float *read_weights(const char *folder, const struct layer *layer, size_t count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, layer->weights_file);
    float *weights = allocate(count * sizeof(float));
    FILE *file = fopen(path, "rb");
    if (!file || fread(weights, sizeof(float), count, file) != count || fgetc(file) != EOF) {
        fail(2, "%s: cannot be read, or does not hold %zu floats", path, count);
    }
    fclose(file);
    return weights;
}

/* The first line of the plan's description names the kernel, the second says why it was chosen. */
static void describe(const halconv_plan *plan, struct result *result) {
    char text[kText];
    halconv_plan_describe(plan, text, sizeof text);
    char *reason = strchr(text, '\n');
    if (reason) {
        *reason++ = 0;
        reason[strcspn(reason, "\n")] = 0;
    }
    snprintf(result->kernel, sizeof result->kernel, "%s", text);
    snprintf(result->reason, sizeof result->reason, "%s", reason ? reason : "");
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of up to kMostRuns runs in about half a second, after one run that is not counted. */
static double time_runs(const struct layer *layer, const halconv_plan *plan, const float *input, const void *weights,
                        float *output, void *workspace) {
    double seconds[kMostRuns];
    int runs = 0;
    check(halconv_plan_run(plan, input, weights, NULL, output, workspace), layer->name);
    for (double begin = now(); runs < kMostRuns && (runs < kLeastRuns || now() < begin + 0.5); ++runs) {
        const double start = now();
        check(halconv_plan_run(plan, input, weights, NULL, output, workspace), layer->name);
        seconds[runs] = now() - start;
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, compare);
    return seconds[runs / 2];
}

/* kernel 2 * scale, stride scale, padding scale / 2 on each side: the output is scale times the input. */
static halconv_problem layer_problem(const struct layer *layer, const struct picture *input) {
    const int64_t scale = layer->scale;
    halconv_problem problem = {.op = HALCONV_CONV_TRANSPOSE,
                               .in_layout = HALCONV_NCHW,
                               .out_layout = HALCONV_NCHW,
                               .rank = 2,
                               .batch = 1,
                               .in_channels = kChannels,
                               .out_channels = kChannels,
                               .groups = 1,
                               .in = {input->height, input->width}};
    for (int axis = 0; axis < 2; ++axis) {
        problem.kernel[axis] = 2 * scale;
        problem.stride[axis] = scale;
        problem.dilation[axis] = 1;
        problem.pad_before[axis] = problem.pad_after[axis] = scale / 2;
    }
    return problem;
}

static struct result run_layer(const struct layer *layer, const struct picture *input, const char *folder) {
    const halconv_problem problem = layer_problem(layer, input);
    const int64_t taps = problem.kernel[0] * problem.kernel[1];
    halconv_plan *plan;
    check(halconv_plan_create(upscale_kernels(), &problem, NULL, &plan), layer->name);

    int64_t out[2];
    check(halconv_plan_output_size(plan, out), layer->name);
    struct picture output = {out[0], out[1], allocate((size_t)(kChannels * out[0] * out[1]) * sizeof(float))};
    float *weights = read_weights(folder, layer, (size_t)(kChannels * kChannels * taps));
    void *packed = allocate(halconv_plan_weights_bytes(plan));
    void *workspace = allocate(halconv_plan_workspace_bytes(plan));
    check(halconv_plan_pack(plan, weights, HALCONV_WEIGHTS_IOHW, 0, NULL, packed), layer->name);

    struct result result;
    result.seconds = time_runs(layer, plan, input->data, packed, output.data, workspace);
    result.gflops = 2e-9 * (double)(kChannels * kChannels * input->height * input->width * taps) / result.seconds;
    describe(plan, &result);
    /* The repeated border of one pixel is now `scale` pixels wide. */
    write_image(layer->out_file, &output, layer->scale);

    halconv_plan_destroy(plan);
    free(output.data);
    free(weights);
    free(packed);
    free(workspace);
    return result;
}

static void print_table(const struct layer *layers, const struct result *results, double peak) {
    printf("%-5s  %9s  %7s  %9s  %s\n", "layer", "time us", "GFLOP/s", "% of peak", "kernel, and why");
    for (int i = 0; i < kLayers; ++i) {
        printf("%-5s  %9.1f  %7.1f  %9.1f  %s\n%36s  %s\n", layers[i].name, results[i].seconds * 1e6, results[i].gflops,
               100 * results[i].gflops / peak, results[i].kernel, "", results[i].reason);
    }
}

int main(int argc, char **argv) {
    const double peak = argc == 6 ? strtod(argv[3], NULL) : 0;
    if (!(peak > 0)) {
        fail(2, "usage: upscale IMAGE.png FOLDER PEAK OUT2.png OUT8.png");
    }
    const struct layer layers[kLayers] = {{"up2", "up2.f32", argv[4], 2}, {"up8", "up8.f32", argv[5], 8}};
    struct picture input = read_image(argv[1]);
    struct result results[kLayers];
    for (int i = 0; i < kLayers; ++i) {
        results[i] = run_layer(&layers[i], &input, argv[2]);
    }
    free(input.data);
    print_table(layers, results, peak);
    return 0;
}
