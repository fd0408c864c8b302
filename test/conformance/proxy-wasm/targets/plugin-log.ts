/** Of Envoy's own Wasm code: every call into and out of a module. */
const NOISE = /^(trace|debug)\|/

/** A proxy's log, split into the lines of each plugin: `wasm log <plugin> <root id> <vm id>: message` (Envoy's form, and ours). */
export class PluginLog {
  readonly #lines: string[] = []
  readonly #byPlugin = new Map<string, string[]>()
  readonly #parse: (line: string) => { readonly level: string; readonly message: string } | undefined
  #rest = ''

  constructor(parse: (line: string) => { readonly level: string; readonly message: string } | undefined) {
    this.#parse = parse
  }

  take(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
  }

  of(plugin: string): string[] {
    return this.#byPlugin.get(plugin) ?? []
  }

  /** The first other line with this text. */
  find(text: string): string | undefined {
    return this.#lines.find((line) => line.includes(text))
  }

  tail(): string {
    return this.#lines.slice(-30).join('\n')
  }

  #line(line: string): void {
    const parsed = this.#parse(line)
    const match = parsed === undefined ? null : /^wasm log (\S+?)(?: \S+?){0,2}?: (.*)$/s.exec(parsed.message)
    if (match === null || parsed === undefined) {
      if (!NOISE.test(line)) this.#lines.push(line)
      return
    }
    const [, plugin, message] = match
    const lines = this.#byPlugin.get(plugin) ?? []
    if (lines.length === 0) this.#byPlugin.set(plugin, lines)
    lines.push(parsed.level === 'info' ? message : `${parsed.level}: ${message}`)
  }
}
