// SHA-256 of several strings at a time, a lane of the vectors each: FIPS 180-4, 6.2.2, written once for all widths. Who
// includes this defines HASH_LANES (the function's name), LANES, V (a vector of as many words) and, over V:
// LOAD_STATE, STORE_STATE, SET1, ADD, XOR3, CHOOSE, MAJORITY, ROTATE, SHIFT, and LOAD_BLOCK, which fills sixteen vectors
// with the sixteen words of each lane's block, turned from big-endian.

#define BIG_SIGMA_0(x) XOR3(ROTATE(x, 2), ROTATE(x, 13), ROTATE(x, 22))
#define BIG_SIGMA_1(x) XOR3(ROTATE(x, 6), ROTATE(x, 11), ROTATE(x, 25))
#define SMALL_SIGMA_0(x) XOR3(ROTATE(x, 7), ROTATE(x, 18), SHIFT(x, 3))
#define SMALL_SIGMA_1(x) XOR3(ROTATE(x, 17), ROTATE(x, 19), SHIFT(x, 10))

// The variables turn instead of their values: after eight rounds each is in its place again.
#define ROUND(a, b, c, d, e, f, g, h, k, word)                                                    \
  do {                                                                                            \
    const V sum = ADD(ADD(ADD(h, SET1(k)), word), ADD(BIG_SIGMA_1(e), CHOOSE(e, f, g)));          \
    d = ADD(d, sum);                                                                              \
    h = ADD(sum, ADD(BIG_SIGMA_0(a), MAJORITY(a, b, c)));                                         \
  } while (0)

#define NEXT_WORD(w, i)                                                                                         \
  (w[i] = ADD(ADD(w[i], SMALL_SIGMA_0(w[(i + 1) & 15])), ADD(w[(i + 9) & 15], SMALL_SIGMA_1(w[(i + 14) & 15]))))

#define SIXTEEN_ROUNDS(constants, WORD)                                     \
  do {                                                                      \
    ROUND(a, b, c, d, e, f, g, h, (constants)[0], WORD(0));                 \
    ROUND(h, a, b, c, d, e, f, g, (constants)[1], WORD(1));                 \
    ROUND(g, h, a, b, c, d, e, f, (constants)[2], WORD(2));                 \
    ROUND(f, g, h, a, b, c, d, e, (constants)[3], WORD(3));                 \
    ROUND(e, f, g, h, a, b, c, d, (constants)[4], WORD(4));                 \
    ROUND(d, e, f, g, h, a, b, c, (constants)[5], WORD(5));                 \
    ROUND(c, d, e, f, g, h, a, b, (constants)[6], WORD(6));                 \
    ROUND(b, c, d, e, f, g, h, a, (constants)[7], WORD(7));                 \
    ROUND(a, b, c, d, e, f, g, h, (constants)[8], WORD(8));                 \
    ROUND(h, a, b, c, d, e, f, g, (constants)[9], WORD(9));                 \
    ROUND(g, h, a, b, c, d, e, f, (constants)[10], WORD(10));               \
    ROUND(f, g, h, a, b, c, d, e, (constants)[11], WORD(11));               \
    ROUND(e, f, g, h, a, b, c, d, (constants)[12], WORD(12));               \
    ROUND(d, e, f, g, h, a, b, c, (constants)[13], WORD(13));               \
    ROUND(c, d, e, f, g, h, a, b, (constants)[14], WORD(14));               \
    ROUND(b, c, d, e, f, g, h, a, (constants)[15], WORD(15));               \
  } while (0)

#define GIVEN(i) w[i]
#define MADE(i) NEXT_WORD(w, i)

void HASH_LANES(uint32_t *states, const uint8_t *const *in, size_t blocks) {
  V s[STATE_WORDS];
  for (unsigned word = 0; word < STATE_WORDS; word += 1) s[word] = LOAD_STATE(states + word * LANES_MAX);
  for (size_t at = 0; at < blocks * BLOCK_BYTES; at += BLOCK_BYTES) {
    V w[16];
    LOAD_BLOCK(w, in, at);
    V a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    SIXTEEN_ROUNDS(sha256_constants, GIVEN);
    for (unsigned round = 16; round < 64; round += 16) SIXTEEN_ROUNDS(sha256_constants + round, MADE);
    s[0] = ADD(s[0], a);
    s[1] = ADD(s[1], b);
    s[2] = ADD(s[2], c);
    s[3] = ADD(s[3], d);
    s[4] = ADD(s[4], e);
    s[5] = ADD(s[5], f);
    s[6] = ADD(s[6], g);
    s[7] = ADD(s[7], h);
  }
  for (unsigned word = 0; word < STATE_WORDS; word += 1) STORE_STATE(states + word * LANES_MAX, s[word]);
}
