import { posix } from 'node:path'

/** Top to bottom; a room may import only rooms below it. */
const LAYERS = [
  'cli',
  'standalone',
  'admin',
  'pods',
  'apiserver',
  'control',
  'agent',
  'oci',
  'proxy',
  'lua',
  'wasm',
  'xds',
  'kube',
  'resources',
  'telemetry',
  'base',
]

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|\bimport\.meta\.resolve\(\s*['"]([^'"]+)['"]\s*\)|\bnew URL\(\s*['"](\.[^'"]+\.ts)['"],\s*import\.meta\.url/g

const TYPE_IMPORT = /(?:^|\n)\s*(?:import|export)\s+type\s[^'"`;]*?\sfrom\s+['"][^'"]+['"]/g

/** The source without imports that Node strips: a circle of types is no circle when the program runs. */
export function withoutTypes(source: string): string {
  return source.replace(TYPE_IMPORT, '')
}

/** The source without what is loaded by a call. */
export function withoutLater(source: string): string {
  return source.replace(/\bimport\([^)]*\)|\bnew URL\([^)]*\)|\bimport\.meta\.resolve\([^)]*\)/g, '')
}

/** What a source file imports, relative paths resolved against the project's root. */
export function importsOf(file: string, source: string): string[] {
  return [...source.matchAll(IMPORT)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? '')
    .map((target) => (target.startsWith('.') ? posix.join(posix.dirname(file), target) : target))
}

/** The room of a path under src/; undefined for src/errors.ts and for what lies outside. */
function roomOf(file: string): string | undefined {
  return /^src\/([^/]+)\//.exec(file)?.[1]
}

/** Says why `from` may not import `to`, or undefined when it may. */
export function objection(from: string, to: string): string | undefined {
  if (!to.startsWith('src/') && !to.includes('/')) return undefined
  const lower = roomOf(from)
  if (lower === undefined)
    return from === 'src/errors.ts' && to.startsWith('src/') ? 'the error table imports nothing of ours' : undefined
  if (to === 'src/errors.ts') return lower === 'base' ? 'base imports nothing of ours' : undefined
  const upper = roomOf(to)
  if (upper === undefined) return undefined
  if (!LAYERS.includes(lower)) return `«${lower}» is not in the list of rooms`
  if (!LAYERS.includes(upper)) return `«${upper}» is not in the list of rooms`
  return LAYERS.indexOf(upper) < LAYERS.indexOf(lower) ? `${lower} lies below ${upper}` : undefined
}

/** The first cycle among the files, as the path around it. */
export function cycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  const trail: string[] = []
  const visit = (file: string): string[] | undefined => {
    if (done.has(file)) return undefined
    const seen = trail.indexOf(file)
    if (seen >= 0) return [...trail.slice(seen), file]
    trail.push(file)
    for (const next of graph.get(file) ?? []) {
      const around = visit(next)
      if (around !== undefined) return around
    }
    trail.pop()
    done.add(file)
    return undefined
  }
  for (const file of graph.keys()) {
    const around = visit(file)
    if (around !== undefined) return around
  }
  return undefined
}
