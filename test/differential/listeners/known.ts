/** Where the two proxies rightly differ in which chain a connection gets, and why. */
import type { Told } from './compare.ts'
import type { Trial } from './trial.ts'

interface Known {
  readonly why: string
  covers(trial: Trial, ours: string, theirs: string, connection: number): boolean
}

const KNOWN: readonly Known[] = [
  {
    why: 'the first byte tells what is no TLS; Envoy waits for the five of the head of a record, and closes the connection of who says less',
    covers: ({ listener, connections }, _, theirs, i) => {
      const { says } = connections[i]
      const inspected = JSON.stringify(listener['listener_filters']).includes('tls_inspector')
      return theirs === 'closed' && inspected && 'text' in says && says.text.length > 0 && says.text.length < 5
    },
  },
]

/** What is left of the differences of a trial. */
export function unexplained(trial: Trial, [ours, theirs]: readonly [Told, Told]): string[] {
  if ('refused' in ours || 'refused' in theirs) {
    if ('refused' in ours && 'refused' in theirs) return []
    return [`ours ${shown(ours)}, theirs ${shown(theirs)}`]
  }
  return ours.flatMap((one, i) => {
    if (one === theirs[i] || KNOWN.some(({ covers }) => covers(trial, one, theirs[i], i))) return []
    return [`ours ${one}, theirs ${theirs[i]}: ${JSON.stringify(trial.connections[i])}`]
  })
}

function shown(told: Told): string {
  return 'refused' in told ? `refuses it: ${told.refused}` : 'takes it'
}
