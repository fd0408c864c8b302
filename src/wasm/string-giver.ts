import { GIVER, stringGiver } from './binary/giver-module.ts'

/** Strings of more characters are written faster by a call into the engine. */
export const FEW_CHARACTERS = 48

/** What puts short byte strings into the memory of one VM; see `binary/giver-module.ts`. */
export interface StringGiver {
  readonly give: (text: string, length: number, pointerSlot: number, sizeSlot: number) => number
  readonly put: (text: string, length: number, sizeAt: number, at: number) => void
}

let giver: WebAssembly.Module | undefined

/** An instance of the module that writes strings, for the memory and the allocator of one VM. */
export function stringGiverFor(memory: WebAssembly.Memory | undefined, malloc: (size: number) => number): StringGiver {
  // Whoever gives has looked whether its slots lie in the memory.
  if (memory === undefined) throw new TypeError('the module has no memory')
  giver ??= new WebAssembly.Module(stringGiver(), { builtins: ['js-string'] })
  const imports = { [GIVER.module]: { [GIVER.memory]: memory, [GIVER.malloc]: malloc } }
  const { give, put } = new WebAssembly.Instance(giver, imports).exports as unknown as StringGiver
  // Exports are an object of the slow kind.
  return { give, put }
}
