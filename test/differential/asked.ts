export interface Asked {
  readonly runs: number
  readonly seed: number
  /** Somebody looks for differences, and wants to see them as they come. */
  readonly longer: boolean
}

/** What `DIFFERENTIAL=runs[:seed]` asks for: without a seed it is another one each time; `usual` without the variable. */
export function asked(usual: { readonly runs: number; readonly seed: number }): Asked {
  const text = process.env['DIFFERENTIAL'] ?? ''
  if (text === '') return { ...usual, longer: false }
  const parts = /^(\d+)(?::(\d+))?$/.exec(text)
  if (parts === null) throw new Error(`DIFFERENTIAL is runs[:seed], for instance 500:31, and not «${text}»`)
  const [runs, seed] = [Number(parts[1]), Number(parts[2] ?? Date.now() % 100_000)]
  console.log(`DIFFERENTIAL=${runs}:${seed}`)
  return { runs, seed, longer: true }
}
