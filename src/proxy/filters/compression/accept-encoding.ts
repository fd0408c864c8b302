import type { CounterCells } from './compressor-stats.ts'

/** A compressor as the others of its chain see it. */
export interface Candidate {
  readonly encoding: string
  readonly chooseFirst: boolean
  /** In lower case. */
  readonly types: ReadonlySet<string>
}

/** Which encoding an answer gets. */
export interface Decision {
  readonly encoding: string
  /** How it came about, by the name of Envoy's counter; `undefined`: the header names it. */
  readonly counter: keyof Pick<CounterCells, 'identity' | 'wildcard' | 'notValid'> | undefined
}

const IDENTITY: Decision = { encoding: 'identity', counter: 'identity' }
const NOT_VALID: Decision = { encoding: 'identity', counter: 'notValid' }

/**
 * The compressors of one stream. The first that is asked decides for all, so that one encoding is applied, and the one
 * that the client likes best: as in Envoy, whose compressors meet in the filter state.
 */
export class Compressors {
  readonly #candidates: Candidate[] = []
  #decision: Decision | undefined

  /** In the order of the chain. */
  add(candidate: Candidate): void {
    this.#candidates.push(candidate)
  }

  /** `type`: the response's, in lower case and without parameters. */
  decide(accepted: string, type: string | undefined): Decision {
    this.#decision ??= choose(
      accepted,
      this.#candidates.filter(({ types }) => type === undefined || types.has(type)),
    )
    return this.#decision
  }
}

/** RFC 9110 12.5.3, for those who can do what; of equal weights the first that the client names, or one that is to be chosen first. */
export function choose(accepted: string, candidates: readonly Candidate[]): Decision {
  const able = new Map<string, Candidate>()
  for (const one of candidates) if (!able.has(one.encoding)) able.set(one.encoding, one)
  const wanted = weights(accepted)
  for (const { coding, weight } of wanted) if (weight === 0) able.delete(coding)
  if (able.size === 0) return NOT_VALID
  let [best, most] = ['', 0]
  for (const { coding, weight } of wanted) {
    if (weight === 0 || (coding !== 'identity' && coding !== '*' && !able.has(coding))) continue
    if (weight > most || (weight === most && able.get(coding)?.chooseFirst === true)) [best, most] = [coding, weight]
  }
  if (best === '') return NOT_VALID
  if (best === 'identity') return IDENTITY
  if (best === '*') return { encoding: [...able.keys()][0], counter: 'wildcard' }
  return { encoding: best, counter: undefined }
}

/** Codings have no case (RFC 9110 8.4.1); one whose weight is no number counts for nothing. */
function weights(accepted: string): { readonly coding: string; readonly weight: number }[] {
  return accepted
    .toLowerCase()
    .split(',')
    .map((part) => {
      const at = part.indexOf(';')
      const coding = (at < 0 ? part : part.slice(0, at)).trim()
      // All that follows is the weight, and nothing may stand behind it (RFC 9110 12.4.2).
      const weight = /^\s*q\s*=(.*)$/.exec(at < 0 ? '' : part.slice(at + 1))
      return { coding, weight: weight === null ? 1 : number(weight[1].trim()) }
    })
    .filter(({ coding, weight }) => coding !== '' && weight >= 0)
}

/** As Envoy reads it (absl::SimpleAtof): in single precision, also in base 16, with words for what is too much. */
function number(text: string): number {
  const hex = HEX.exec(text)
  if (hex !== null) {
    const [, sign, whole, part = '', exponent = '0'] = hex
    return Math.fround(Number.parseInt(`${sign}${whole}${part}`, 16) * 2 ** (Number(exponent) - 4 * part.length))
  }
  return DECIMAL.test(text) ? Math.fround(Number(text.replace(/inf(inity)?$/, 'Infinity'))) : Number.NaN
}

const HEX = /^([+-]?)0x(?=\.?[\da-f])([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?$/
/** Not all that JavaScript takes for a number: `0b1`, and nothing at all. */
const DECIMAL = /^[+-]?(?:inf(?:inity)?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/
