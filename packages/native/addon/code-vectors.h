// Reed-Solomon 4+8 on vectors, written once for all widths. Who includes this defines ENCODE (the function's name), B (a
// vector of bytes) and, over B: LOAD, STORE, XOR, LOW and HIGH (each byte's halves, as indices), LOOK_UP(table, indices),
// TABLE (a table's sixteen bytes, in each part of the vector), and DOUBLE (times x).

typedef struct {
  B low, high;
} Factor;

static inline Factor factor_of(const uint8_t *table) {
  return (Factor){TABLE(table), TABLE(table + 16)};
}

static inline B product(Factor factor, B low, B high) {
  return XOR(LOOK_UP(factor.low, low), LOOK_UP(factor.high, high));
}

/** Both rows of a pair, of the coset's even and odd coefficients. */
static inline void store_pair(uint8_t *const *rows, size_t at, B even, B odd, Factor inner) {
  const B first = XOR(even, product(inner, LOW(odd), HIGH(odd)));
  STORE(rows[0] + at, first);
  STORE(rows[1] + at, XOR(odd, first));
}

/** The four rows of a coset, those of them that are wanted. */
static inline void store_coset(uint8_t *const *rows, size_t at, const B given[4], Factor outer, Factor even_inner,
                               Factor odd_inner) {
  if (rows[0] == NULL && rows[2] == NULL) return;
  const B a = given[0], b = given[1], e = given[2], f = given[3];
  const B even = XOR(a, product(outer, LOW(e), HIGH(e)));
  const B odd = XOR(b, product(outer, LOW(f), HIGH(f)));
  if (rows[0] != NULL) store_pair(rows, at, even, odd, even_inner);
  if (rows[2] != NULL) store_pair(rows + 2, at, XOR(even, e), XOR(odd, f), odd_inner);
}

/**
 * An additive Fourier transform: the points 0..3 of the data are a subgroup of the field, those of the parity two of its
 * cosets. First from values at the data's points to coefficients, then to values at each coset.
 */
void ENCODE(const EncodeTables *tables, const uint8_t *const data[DATA_FRAGMENTS],
            uint8_t *const parity[PARITY_FRAGMENTS], size_t bytes) {
  const Factor outer1 = factor_of(tables->outer1), even1 = factor_of(tables->even1);
  const Factor outer2 = factor_of(tables->outer2), even2 = factor_of(tables->even2), odd2 = factor_of(tables->odd2);
  for (size_t at = 0; at < bytes; at += sizeof(B)) {
    const B a = LOAD(data[0] + at);
    const B b = XOR(LOAD(data[1] + at), a);
    const B second = LOAD(data[2] + at);
    const B difference = XOR(LOAD(data[3] + at), second);
    const B e = XOR(XOR(second, DOUBLE(difference)), a);
    const B f = XOR(difference, b);
    const B given[4] = {a, b, e, f};
    store_coset(parity, at, given, outer1, even1, outer1);
    store_coset(parity + 4, at, given, outer2, even2, odd2);
  }
}
