/**
 * The code of RFC 7541 appendix B. It is canonical: sorted by length, then by symbol, the codes count up; so the lengths say it all.
 * 256 is EOS.
 */
const SYMBOLS_BY_LENGTH: Readonly<Record<number, string | readonly (number | readonly [number, number])[]>> = {
  5: '012aceiost',
  6: ' %-./3456789=A_bdfghlmnpru',
  7: ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz',
  8: '&*,;XZ',
  10: '!"()?',
  11: "'+|",
  12: '#>',
  13: '\0$@[]~',
  14: '^}',
  15: '<`{',
  19: [92, 195, 208],
  20: [128, [130, 131], 162, 184, 194, 224, 226],
  21: [153, 161, 167, 172, [176, 177], 179, 209, [216, 217], 227, [229, 230]],
  22: [
    129,
    [132, 134],
    136,
    146,
    154,
    156,
    160,
    [163, 164],
    [169, 170],
    173,
    178,
    181,
    [185, 187],
    [189, 190],
    196,
    198,
    228,
    [232, 233],
  ],
  23: [
    1,
    135,
    [137, 141],
    143,
    147,
    [149, 152],
    155,
    [157, 158],
    [165, 166],
    168,
    [174, 175],
    180,
    [182, 183],
    188,
    191,
    197,
    231,
    239,
  ],
  24: [9, 142, [144, 145], 148, 159, 171, 206, 215, 225, [236, 237]],
  25: [199, 207, [234, 235]],
  26: [[192, 193], [200, 202], 205, 210, 213, [218, 219], 238, 240, [242, 243], 255],
  27: [[203, 204], [211, 212], 214, [221, 223], 241, [244, 248], [250, 254]],
  28: [[2, 8], [11, 12], [14, 21], [23, 31], 127, 220, 249],
  30: [10, 13, 22, 256],
}

/** Never sent whole: its first bits fill up the last byte (RFC 7541 5.2). */
export const EOS = 256

/** By symbol, in the low bits, of which there are as many as LENGTHS says. */
export const CODES = new Uint32Array(257)
/** By symbol, in bits. */
export const LENGTHS = new Uint8Array(257)

let code = 0
let previous = 5
for (const [text, symbols] of Object.entries(SYMBOLS_BY_LENGTH)) {
  const length = Number(text)
  code *= 2 ** (length - previous)
  previous = length
  const list = typeof symbols === 'string' ? [...Buffer.from(symbols, 'latin1')] : symbols
  for (const symbol of list) {
    const [first, last] = typeof symbol === 'number' ? [symbol, symbol] : symbol
    for (let i = first; i <= last; i++) {
      CODES[i] = code++
      LENGTHS[i] = length
    }
  }
}
