/** Where the two rightly differ in what they make of a session, and why. */
import { isExplained, type Reason } from '../reason.ts'
import type { Facts } from './observe.ts'
import type { Told } from './session.ts'

const CDS_REFUSED = 'stats.cluster_manager.cds.update_rejected'

const KNOWN: readonly Reason<Told>[] = [
  {
    why: 'Envoy tells the version before of a listener of which only filter chains have changed',
    fact: /^dump.listener.(active|warming)_state /,
    value: /^\d+ ≠ \d+$/,
  },
  {
    why: 'an endpoint that is listed twice counts once, as with EDS; for clusters of type STATIC Envoy has it twice',
    fact: /^hosts /,
    meaning: (value) => [...new Set(value.split(' ').map((host) => host.split('/')[0]))].join(' '),
  },
  {
    why: 'an extension config, too: the version is that of the one in force; Envoy tells that of the one it refused',
    fact: /^dump\.ecds /,
    covers: (_, [, theirs]) => theirs.get('xds.ecds.answer') === 'NACK',
  },
  {
    why: 'where Envoy kept its answer back, the refusal of an earlier response stands in the next one, which may name nothing of it',
    fact: /^xds\.cds\.(answer|version|blamed)$/,
    covers: (_, [ours, theirs]) =>
      theirs.get('xds.cds.answer') === 'NACK' &&
      (theirs.get('xds.cds.blamed') === '' || ours.get(CDS_REFUSED) === theirs.get(CDS_REFUSED)),
  },
  {
    why: 'a listener without an address is told of as any other that is refused',
    fact: /^dump\.listener\.error_state /,
    value: /^\d+ ≠ \(absent\)$/,
  },
  {
    why: 'Envoy keeps its answer back while clusters warm',
    fact: /^xds\.cds\.(answer|version|blamed)/,
    covers: (_, [, theirs]) => theirs.get('xds.cds.answer') === 'none',
  },
  {
    why: 'a cluster is there before its endpoints are; Envoy does not know it yet',
    fact: /^dump.cluster.(warming|active) |^hosts |^request/,
    value: /^\(absent\) ≠ \d+$|^\d+ ≠ \(absent\)$|^ ≠ \(absent\)$|^503 no healthy upstream(.*) ≠ 503 \1$/,
  },
  {
    why: 'a cluster takes the place of the one before with the endpoints that are there; in Envoy it waits until they are told again',
    fact: /^dump\.cluster\.active /,
    value: /^\d+ ≠ \d+$/,
    covers: ({ fact }, [, theirs]) => theirs.has(fact.replace('active', 'warming')),
  },
  {
    why: 'Envoy tells the version of a secret that it refused as that of an active one',
    fact: /^dump\.secret\.active /,
    value: /^(\(absent\)|\d+) ≠ \d+$/,
    covers: (_, [, theirs]) =>
      theirs.get('xds.sds.answer') === 'NACK' || (isDelta(theirs) && hasRefused(theirs, 'sds')),
  },
  {
    why: 'the same: what was refused has not come',
    fact: /^dump\.secret\.warming /,
    value: /^uninitialized ≠ \(absent\)$/,
    covers: (_, [, theirs]) => theirs.get('xds.sds.answer') === 'NACK',
  },
  {
    why: 'a cluster that has another service_name takes the place of the one before at once; Envoy asks for both as long as it waits',
    fact: /^xds\.eds\.names$/,
    covers: ({ ours, theirs }, [, all]) =>
      ours.split(' ').every((name) => theirs.split(' ').includes(name)) && warms(all),
  },
  {
    why: 'of a response that cannot be read the rest is an update, and what was refused before is told no more; to Envoy it is none',
    fact: /^dump\.listener\.error_state /,
    value: /^\(absent\) ≠ \d*$/,
    covers: (_, [ours, theirs]) => isDelta(ours) && theirs.get('xds.lds.blamed') === '',
  },
  {
    why: 'what has no name that can be read is counted for none of the secrets; Envoy counts it for all',
    fact: /^stats\.sds\..*\.update_(attempt|rejected)$/,
    covers: ({ ours, theirs }) => Number(theirs) > Number(ours),
  },
  {
    why: 'a refused update is one attempt; by delta Envoy counts it once as an update and once as a failure',
    fact: /\.update_attempt$/,
    covers: ({ fact, ours, theirs }, [, all]) => {
      const refused = Number(all.get(fact.replace('attempt', 'rejected')) ?? 0)
      return Number(theirs) > Number(ours) && Number(theirs) - Number(ours) <= refused
    },
  },
  {
    why: 'what cannot be read is named by its wrapper (delta); Envoy refuses the whole response, and names nothing',
    fact: /^xds\.(lds|cds)\.blamed$/,
    value: /^.+ ≠ $/,
    covers: (_, [ours]) => isDelta(ours),
  },
  { why: 'counters that are not kept here: docs/reference/proxy.md', fact: /^stats\./, value: /^\(absent\) ≠ / },
  {
    why: 'a cluster is there before its endpoints are',
    fact: /^stats\.cluster_manager\.(active|warming)_clusters$|^stats\.cluster\..*\.membership_/,
  },
  {
    why: 'what is refused was not added; Envoy counts it',
    fact: /^stats\.cluster_manager\.cluster_(added|modified)$/,
    covers: ({ ours, theirs }) => Number(theirs) > Number(ours),
  },
  {
    why: 'Envoy does not tell the version of what it refused',
    fact: /^dump\.listener\.error_state /,
    value: /^\d+ ≠ $/,
  },
]

/** What makes all that follows differ, and why it does. */
const ENDS: readonly { readonly why: string; readonly when: (told: Told) => boolean }[] = [
  {
    why: 'a listener that serves stays where the routes of the next are bad; in Envoy the next one comes into force without any',
    when: ([ours, theirs]) =>
      (theirs.get('xds.rds.answer') === 'NACK' || hasRefused(theirs, 'rds')) &&
      [...ours.keys()].some((fact) => fact.startsWith('dump.listener.warming_state ') && !theirs.has(fact)),
  },
  {
    why: 'a listener takes what another already has; in Envoy, by delta, one that waits on other terms has to be told again',
    when: ([ours, theirs]) =>
      isDelta(ours) &&
      [...theirs.keys()].some((fact) => fact.startsWith('dump.listener.warming_state ') && !ours.has(fact)),
  },
  {
    why: 'the name of a header that cannot be written is refused; Envoy finds out with each request',
    when: ([ours, theirs]) =>
      ours.get('xds.lds.answer') === 'NACK' &&
      [...theirs.values()].some((value) => value.includes('invalid header name')),
  },
  {
    why: 'an extension config that is taken back serves for as long as a listener names it; in Envoy requests get 500, or the default config serves',
    when: ([ours, theirs]) =>
      isDelta(ours) && [...ours.keys()].some((fact) => fact.startsWith('dump.ecds ') && !theirs.has(fact)),
  },
  {
    why: 'Envoy, when it comes back while a cluster waits for endpoints, asks for no clusters until they come',
    when: ([ours, theirs]) => ours.has('xds.cds.answer') && !theirs.has('xds.cds.answer'),
  },
  {
    why: 'a secret or an extension config that is bad stays so; Envoy refuses it once, and takes it when it comes again',
    when: ([ours, theirs]) =>
      ['xds.sds.answer', 'xds.ecds.answer'].some((fact) => ours.get(fact) === 'NACK' && theirs.get(fact) === 'ACK'),
  },
]

/** Nothing after this can be compared. */
export function ends(told: Told): boolean {
  return ENDS.some(({ when }) => when(told))
}

function isDelta(facts: Facts): boolean {
  return facts.get('xds.form') === 'delta'
}

/** Whether a cluster waits. */
function warms(facts: Facts): boolean {
  return [...facts.keys()].some((fact) => fact.startsWith('dump.cluster.warming '))
}

/** Whether it has refused any of these: by delta the answer may be about others. */
function hasRefused(facts: Facts, xds: string): boolean {
  return [...facts].some(
    ([fact, value]) => fact.includes(`.${xds}.`) && fact.endsWith('.update_rejected') && value > '0',
  )
}

/** What is left of the differences of one step. */
export function unexplained(told: Told): string[] {
  const facts = new Set(told.flatMap((one) => [...one.keys()]))
  return [...facts].flatMap((fact) => {
    const [ours, theirs] = told.map((one) => one.get(fact) ?? '(absent)')
    if (ours === theirs || isExplained(KNOWN, { fact, ours, theirs }, told)) return []
    return [`${fact}: ${ours} ≠ ${theirs}`]
  })
}
