import wabt from 'wabt'
import { built } from './cache.ts'

let tools: ReturnType<typeof wabt> | undefined

/** A module from its text. `check: false` lets a module through that is well formed but not valid. */
export function wat(name: string, text: string): Promise<string> {
  return built(name, 'wat', [['text', text]], async () => {
    tools ??= wabt()
    const parsed = (await tools).parseWat(`${name}.wat`, text, {
      bulk_memory: true,
      sign_extension: true,
      mutable_globals: true,
    })
    try {
      return parsed.toBinary({ write_debug_names: true }).buffer
    } finally {
      parsed.destroy()
    }
  })
}
