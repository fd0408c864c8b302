/** A large module for measurements. */

function leb(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return [...bytes, value]
}

function section(id: number, parts: readonly (readonly number[])[]): Buffer {
  const body = Buffer.concat([Buffer.from(leb(parts.length)), ...parts.map((part) => Buffer.from(part))])
  return Buffer.concat([Buffer.from([id, ...leb(body.length)]), body])
}

function exported(name: string, kind: number, index: number): number[] {
  return [name.length, ...Buffer.from(name), kind, index]
}

/** Functions with arithmetic, loads, a loop and calls to one another, until there are so many bytes of code; a plugin that does nothing. */
export function generateModule(bytes: number): Buffer {
  const functions: number[][] = [
    [2, 0, 0x0b],
    [5, 0, 0x41, ...leb(1024), 0x0b],
  ]
  for (let size = 0, n = 2; size < bytes; n++) {
    const code = [0, 0x03, 0x40]
    for (let i = 0; i < 12; i++) {
      // local0 = (local0 * 7 + memory[local0 & 0xff]) ^ n
      code.push(
        0x20,
        0,
        0x41,
        7,
        0x6c,
        0x20,
        0,
        0x41,
        ...[0xff, 0x01],
        0x71,
        0x28,
        2,
        0,
        0x6a,
        0x41,
        ...leb(n & 0x3f),
        0x73,
      )
      code.push(0x21, 0)
    }
    if (n > 2) code.push(0x20, 0, 0x10, ...leb(n - 1), 0x21, 0)
    code.push(0x20, 0, 0x45, 0x0d, 0, 0x0b, 0x20, 0, 0x0b)
    const whole = [...leb(code.length), ...code]
    functions.push(whole)
    size += whole.length
  }
  return Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    section(1, [
      [0x60, 0, 0],
      [0x60, 1, 0x7f, 1, 0x7f],
    ]),
    section(
      3,
      functions.map((_, i) => [i === 0 ? 0 : 1]),
    ),
    section(5, [[0, 2]]),
    section(7, [exported('memory', 2, 0), exported('proxy_abi_version_0_2_1', 0, 0), exported('malloc', 0, 1)]),
    section(10, functions),
  ])
}
