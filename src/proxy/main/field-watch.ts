import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { Logger } from '../../telemetry/log.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import { type UnexpectedField, unexpectedFields } from '../config/unexpected-fields.ts'
import type { StatsScope } from '../stats/scope.ts'

const MEANINGS: Readonly<Record<UnexpectedField['kind'], string>> = {
  unknown: 'is not known to this proxy and has no effect',
  'work in progress': 'is work in progress in Envoy’s API and may change',
  deprecated: 'is deprecated',
}

/** Counts and logs fields that a configuration should not count on, as Envoy does (ValidationVisitor): each kind of them once. */
export class FieldWatch {
  readonly #log: Logger
  readonly #counters: Readonly<Record<UnexpectedField['kind'], Cell>>
  readonly #seen = new Set<string>()

  constructor(stats: StatsScope, log: Logger) {
    this.#log = log
    this.#counters = {
      unknown: stats.counter('server.dynamic_unknown_fields'),
      'work in progress': stats.counter('server.wip_protos'),
      deprecated: stats.counter('runtime.deprecated_feature_use'),
    }
    // What is unknown in a bootstrap is refused.
    stats.counter('server.static_unknown_fields')
  }

  /** `path` names the resource. */
  look<D extends DescMessage>(schema: D, message: MessageShape<D>, path: string): void {
    for (const { kind, typeName, field, path: where } of unexpectedFields(schema, message, path)) {
      const key = `${kind} ${typeName} ${field}`
      const known = this.#seen.has(key)
      // Envoy counts each use of a deprecated field, and the others once.
      if (!known || kind === 'deprecated') this.#counters[kind].value++
      if (known) continue
      this.#seen.add(key)
      const what = field === '' ? typeName : `field ${field} of ${typeName}`
      this.#log.warn({ path: where, type: typeName, ...(field === '' ? {} : { field }) }, `${what} ${MEANINGS[kind]}`)
    }
  }
}
