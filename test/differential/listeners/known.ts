/** Where the two proxies rightly differ in which chain a connection gets, and why. */
import { isExplained, type Reason } from '../reason.ts'
import type { Told } from './compare.ts'
import type { Trial } from './trial.ts'

/** `fact`: which of the trial's connections. */
const KNOWN: readonly Reason<Trial>[] = [
  {
    why: 'the first byte tells what is no TLS; Envoy waits for the five of the head of a record, and closes the connection of who says less',
    covers: ({ fact, theirs }, { listener, connections }) => {
      const { says } = connections[Number(fact)]
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
    if (one === theirs[i] || isExplained(KNOWN, { fact: String(i), ours: one, theirs: theirs[i] }, trial)) return []
    return [`ours ${one}, theirs ${theirs[i]}: ${JSON.stringify(trial.connections[i])}`]
  })
}

function shown(told: Told): string {
  return 'refused' in told ? `refuses it: ${told.refused}` : 'takes it'
}
