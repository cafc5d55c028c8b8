// AssemblyScript, compiled by scripts/build-kernel.mjs into the committed kernel.wasm.
// The memory is imported, may be shared by threads, and holds nothing but what callers put there: every address is an
// argument, and lengths are multiples of 16. The kernel keeps nothing between calls.
//
// A product with a constant is two look-ups, one for each half of the byte: `table` holds the products with 0..15 and,
// 16 bytes further, the products with 0·16..15·16.

function low(v: v128): v128 {
  return v128.and(v, i8x16.splat(0x0f));
}

// Shifted as 16-bit lanes: no processor has a shift of bytes, and the mask removes what came from the neighbour.
function high(v: v128): v128 {
  return v128.and(i16x8.shr_u(v, 4), i8x16.splat(0x0f));
}

function product(lowTable: v128, highTable: v128, v: v128): v128 {
  return v128.xor(i8x16.swizzle(lowTable, low(v)), i8x16.swizzle(highTable, high(v)));
}

/** Times x, the field's generator: a shift, and the polynomial where a bit falls out. */
function double(v: v128): v128 {
  return v128.xor(i8x16.add(v, v), v128.and(i8x16.lt_s(v, i8x16.splat(0)), i8x16.splat(0x1d)));
}

/**
 * Eight parity strings from four data strings, as an additive Fourier transform: the points 0..3 of the data are a
 * subgroup of the field, the points of the parity two of its cosets. `factors` holds the tables of five constants, each
 * 32 bytes: outer and even of the first coset (whose odd one equals its outer), then outer, even and odd of the second.
 */
export function encode(
  data: usize,
  data1: usize,
  data2: usize,
  data3: usize,
  parity: usize,
  parity1: usize,
  parity2: usize,
  parity3: usize,
  parity4: usize,
  parity5: usize,
  parity6: usize,
  parity7: usize,
  length: usize,
  factors: usize,
): void {
  const outer1Low = v128.load(factors);
  const outer1High = v128.load(factors, 16);
  const even1Low = v128.load(factors, 32);
  const even1High = v128.load(factors, 48);
  const outer2Low = v128.load(factors, 64);
  const outer2High = v128.load(factors, 80);
  const even2Low = v128.load(factors, 96);
  const even2High = v128.load(factors, 112);
  const odd2Low = v128.load(factors, 128);
  const odd2High = v128.load(factors, 144);
  for (let p: usize = 0; p < length; p += 16) {
    // From values at the data's points to coefficients.
    const a = v128.load(data + p);
    const b = v128.xor(v128.load(data1 + p), a);
    const second = v128.load(data2 + p);
    const difference = v128.xor(v128.load(data3 + p), second);
    const e = v128.xor(v128.xor(second, double(difference)), a);
    const f = v128.xor(difference, b);
    const eLow = low(e);
    const eHigh = high(e);
    const fLow = low(f);
    const fHigh = high(f);

    // From coefficients to values at the first coset.
    let even = v128.xor(a, v128.xor(i8x16.swizzle(outer1Low, eLow), i8x16.swizzle(outer1High, eHigh)));
    let odd = v128.xor(b, v128.xor(i8x16.swizzle(outer1Low, fLow), i8x16.swizzle(outer1High, fHigh)));
    let even2 = v128.xor(even, e);
    let odd2 = v128.xor(odd, f);
    even = v128.xor(even, product(even1Low, even1High, odd));
    v128.store(parity + p, even);
    v128.store(parity1 + p, v128.xor(odd, even));
    even2 = v128.xor(even2, product(outer1Low, outer1High, odd2));
    v128.store(parity2 + p, even2);
    v128.store(parity3 + p, v128.xor(odd2, even2));

    // And at the second.
    even = v128.xor(a, v128.xor(i8x16.swizzle(outer2Low, eLow), i8x16.swizzle(outer2High, eHigh)));
    odd = v128.xor(b, v128.xor(i8x16.swizzle(outer2Low, fLow), i8x16.swizzle(outer2High, fHigh)));
    even2 = v128.xor(even, e);
    odd2 = v128.xor(odd, f);
    even = v128.xor(even, product(even2Low, even2High, odd));
    v128.store(parity4 + p, even);
    v128.store(parity5 + p, v128.xor(odd, even));
    even2 = v128.xor(even2, product(odd2Low, odd2High, odd2));
    v128.store(parity6 + p, even2);
    v128.store(parity7 + p, v128.xor(odd2, even2));
  }
}

/** output = Σ factor k · input k, for any four factors, of which each has a table. */
export function combine(
  input: usize,
  input1: usize,
  input2: usize,
  input3: usize,
  output: usize,
  length: usize,
  factor: usize,
  factor1: usize,
  factor2: usize,
  factor3: usize,
): void {
  const low0 = v128.load(factor);
  const high0 = v128.load(factor, 16);
  const low1 = v128.load(factor1);
  const high1 = v128.load(factor1, 16);
  const low2 = v128.load(factor2);
  const high2 = v128.load(factor2, 16);
  const low3 = v128.load(factor3);
  const high3 = v128.load(factor3, 16);
  for (let p: usize = 0; p < length; p += 16) {
    const first = v128.xor(product(low0, high0, v128.load(input + p)), product(low1, high1, v128.load(input1 + p)));
    const second = v128.xor(product(low2, high2, v128.load(input2 + p)), product(low3, high3, v128.load(input3 + p)));
    v128.store(output + p, v128.xor(first, second));
  }
}
