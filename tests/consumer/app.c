/* Runs the layer of layers.jsonl with the kernels of libdecoder.a. */
#include <stdio.h>
#include <stdlib.h>

#include "decoder.h"

enum { H = 12, W = 10, CI = 16, CO = 8, K = 4, S = 2, P = 1, OH = S * H, OW = S * W };

static float input[H][W][CI], output[OH][OW][CO];                /* nhwc */
static float weights[CI][CO][K][K], bias[CO], plain[OH][OW][CO]; /* PyTorch's order: iohw */

static void plain_loops(void) { /* what the layer means: out = in * stride + tap - pad */
    for (int y = 0; y < OH; y++)
        for (int x = 0; x < OW; x++)
            for (int o = 0; o < CO; o++)
                plain[y][x][o] = bias[o];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int ky = 0; ky < K; ky++)
                for (int kx = 0; kx < K; kx++) {
                    int v = y * S + ky - P, u = x * S + kx - P;
                    if (v < 0 || v >= OH || u < 0 || u >= OW)
                        continue;
                    for (int o = 0; o < CO; o++)
                        for (int i = 0; i < CI; i++)
                            plain[v][u][o] += input[y][x][i] * weights[i][o][ky][kx];
                }
}

static void check(halconv_status status) {
    if (status != HALCONV_OK) {
        fprintf(stderr, "app: %s\n", halconv_status_text(status));
        exit(1);
    }
}

static void *memory(size_t bytes) { /* aligned to 64, at least one byte */
    return aligned_alloc(64, (bytes / 64 + 1) * 64);
}

int main(void) {
    for (int i = 0; i < H * W * CI; i++)
        (&input[0][0][0])[i] = (float)(i % 7 - 3);
    for (int i = 0; i < CI * CO * K * K; i++)
        (&weights[0][0][0][0])[i] = (float)(i % 5 - 2);
    for (int i = 0; i < CO; i++)
        bias[i] = (float)i;

    halconv_problem problem = {.op = HALCONV_CONV_TRANSPOSE,
                               .rank = 2,
                               .batch = 1,
                               .groups = 1,
                               .in_channels = CI,
                               .out_channels = CO,
                               .in = {H, W},
                               .kernel = {K, K},
                               .stride = {S, S},
                               .dilation = {1, 1},
                               .pad_before = {P, P},
                               .pad_after = {P, P}};
    halconv_plan *plan;
    check(halconv_plan_create(decoder_kernels(), &problem, NULL, &plan));
    void *packed = memory(halconv_plan_weights_bytes(plan)), *workspace = memory(halconv_plan_workspace_bytes(plan));
    check(halconv_plan_pack(plan, weights, HALCONV_WEIGHTS_IOHW, 0, bias, packed));
    check(halconv_plan_run(plan, input, packed, NULL, output, workspace));

    char text[4096];
    halconv_plan_describe(plan, text, sizeof text);
    plain_loops();
    int wrong = 0;
    for (int i = 0; i < OH * OW * CO; i++)
        wrong += (&output[0][0][0])[i] != (&plain[0][0][0])[i];
    printf("%s\n%d of %d outputs differ from plain loops\n", text, wrong, OH * OW * CO);
    halconv_plan_destroy(plan);
    free(packed);
    free(workspace);
    return wrong != 0;
}
