/* Runs the layer of network.onnx with its own kernel and with the built-in one. */
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

enum { N = 9, C = 3, O = 2 * N, FLOATS = C * O * O };

static const halconv_problem problem = {.op = HALCONV_CONV_TRANSPOSE,
                                        .in_layout = HALCONV_NCHW,
                                        .out_layout = HALCONV_NCHW,
                                        .rank = 2,
                                        .batch = 1,
                                        .groups = 1,
                                        .in_channels = C,
                                        .out_channels = C,
                                        .in = {N, N},
                                        .kernel = {4, 4},
                                        .stride = {2, 2},
                                        .dilation = {1, 1},
                                        .pad_before = {1, 1},
                                        .pad_after = {1, 1}};

static void check(halconv_status status) {
    if (status != HALCONV_OK) {
        fprintf(stderr, "network: %s\n", halconv_status_text(status));
        exit(1);
    }
}

static void run(const halconv_kernel_set *kernels, const float *input, const float *weights, float *output) {
    halconv_plan *plan;
    check(halconv_plan_create(kernels, &problem, NULL, &plan));
    void *packed = aligned_alloc(64, halconv_plan_weights_bytes(plan) / 64 * 64 + 64);
    void *workspace = aligned_alloc(64, halconv_plan_workspace_bytes(plan) / 64 * 64 + 64);
    check(halconv_plan_pack(plan, weights, HALCONV_WEIGHTS_IOHW, 0, NULL, packed));
    check(halconv_plan_run(plan, input, packed, NULL, output, workspace));
    halconv_plan_destroy(plan);
    free(packed);
    free(workspace);
}

int main(void) {
    static float input[C * N * N], weights[C * C * 4 * 4], own[FLOATS], builtin[FLOATS];
    for (int i = 0; i < C * N * N; i++)
        input[i] = (float)(i % 7 - 3);
    for (int i = 0; i < C * C * 4 * 4; i++)
        weights[i] = (float)(i % 5 - 1);
    run(network_kernels(), input, weights, own);
    run(halconv_builtin_kernels(), input, weights, builtin);
    int wrong = 0;
    float largest = 0;
    for (int i = 0; i < FLOATS; i++) {
        wrong += own[i] != builtin[i];
        largest = own[i] > largest ? own[i] : largest;
    }
    printf("largest output %g; %d of %d outputs differ between the two kernels\n", largest, wrong, FLOATS);
    return wrong != 0 || largest <= 0;
}
