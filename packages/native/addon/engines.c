// What runs where. The compiler's builtins ask the processor, and the system too: whether it keeps the wide registers.
#include "kernels.h"

static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

// A single lane goes through AVX-512's narrow vectors as fast as through plain words, and through AVX2's at half of that.
const Engine engines[] = {
    {"avx512", has_avx512, {{8, hash_avx512vl}, {16, hash_avx512}}, encode_avx512},
    {"avx2", has_avx2, {{1, hash_plain}, {8, hash_avx2}}, encode_avx2},
};
const unsigned engine_count = sizeof engines / sizeof *engines;
