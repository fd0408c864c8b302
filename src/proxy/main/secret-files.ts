import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Any } from '@bufbuild/protobuf/wkt'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  type DiscoveryResponse,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { watchMoves } from '../../base/watch-moves.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../telemetry/log.ts'
import { invalid } from '../config/fields.ts'
import { readMessage } from '../config/text.ts'
import { unexpectedFields } from '../config/unexpected-fields.ts'
import type { StatsStore } from '../stats/store.ts'
import type { SecretFile, SecretNeed } from '../tls/secret-need.ts'
import { secretValue } from '../tls/secrets.ts'
import { attempt, decode } from './delivered.ts'
import { countUpdate, sdsStats } from './sds-stats.ts'
import type { SecretUpdates } from './secret-updates.ts'

/** Secrets that come by files (`path_config_source`): read when somebody needs them, and again at each move. */
export class SecretFiles {
  readonly #watchers = new Map<string, { close(): void }>()
  readonly #secrets: SecretUpdates
  readonly #inTurn: (work: () => Promise<void>) => void
  readonly #stats: StatsStore
  readonly #log: Logger
  #closed = false

  constructor(secrets: SecretUpdates, inTurn: (work: () => Promise<void>) => void, stats: StatsStore, log: Logger) {
    this.#secrets = secrets
    this.#inTurn = inTurn
    this.#stats = stats
    this.#log = log
  }

  /**
   * Reads those files that are not open yet. Throws where there is nothing to read or to watch; content that cannot be used is
   * logged and counted, and waited for, as in Envoy.
   */
  async open(needs: readonly SecretNeed[]): Promise<void> {
    for (const need of needs) {
      if (this.#closed) return
      const { key, file } = need
      if (file === undefined || this.#watchers.has(key)) continue
      this.#watchers.set(
        key,
        watchFile(file, `${need.path}.sds_config`, () => this.#inTurn(() => this.#refresh(need, file))),
      )
      await this.#refresh(need, file)
    }
  }

  /** Forgets all but those that are still needed. */
  keep(needs: readonly SecretNeed[]): void {
    const wanted = new Set(needs.map(({ key }) => key))
    for (const [key, watcher] of this.#watchers) {
      if (wanted.has(key)) continue
      watcher.close()
      this.#watchers.delete(key)
      this.#secrets.forget(key)
    }
  }

  close(): void {
    this.#closed = true
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  async #refresh(need: SecretNeed, { path }: SecretFile): Promise<void> {
    const { key, name } = need
    // It may be needed no more by the time that its turn comes.
    if (!this.#watchers.has(key)) return
    const stats = sdsStats(this.#stats, name)
    stats.attempt.value++
    const response = attempt(() => readMessage(DiscoveryResponseSchema, path))
    if (typeof response === 'string') {
      stats.failure.value++
      this.#log.warn({ secret: name, file: path, code: 'SL5006' }, `the secret cannot be read: ${response}`)
      await this.#secrets.giveUp(key)
      return
    }
    const secret = attempt(() => onlySecret(response, need, path))
    const problem =
      typeof secret === 'string'
        ? secret
        : await this.#secrets.offer(key, secret, response.versionInfo, `${path}: resources[0]`)
    countUpdate(stats, problem)
    if (problem === undefined) {
      this.#log.info({ secret: name, file: path }, 'the secret was read')
      return
    }
    this.#log.warn({ secret: name, file: path, code: 'SL5006' }, `the secret is refused: ${problem}`)
    await this.#secrets.giveUp(key)
  }
}

function watchFile({ path, watchedDirectory, field }: SecretFile, where: string, onMove: () => void) {
  if (!existsSync(path)) throw invalid(`${where}.${field}`, `«${path}» does not exist`)
  const [directory, name, named] =
    watchedDirectory === undefined
      ? [dirname(path), basename(path), field]
      : [watchedDirectory, undefined, 'path_config_source.watched_directory.path']
  try {
    return watchMoves(directory, name, onMove)
  } catch (error) {
    throw invalid(`${where}.${named}`, messageOf(error))
  }
}

/** A file holds the one secret that it was named for (Envoy's SdsApi::onConfigUpdate). */
function onlySecret(response: DiscoveryResponse, { name, kind }: SecretNeed, file: string): Secret {
  const { resources } = response
  const path = `${file}: resources`
  if (resources.length !== 1) throw invalid(path, `${resources.length} secrets, where there must be one`)
  // Envoy, too, is strict with files of its own machine.
  const unknown = unexpectedFields(DiscoveryResponseSchema, response, file).find((one) => one.kind === 'unknown')
  if (unknown !== undefined) throw invalid(unknown.path, `field ${unknown.field} of ${unknown.typeName} is not known`)
  const secret = decode(SecretSchema, unwrapped(resources[0]))
  if (typeof secret === 'string') throw invalid(`${path}[0]`, secret)
  if (secret.name !== name) throw invalid(`${path}[0].name`, `«${secret.name}», where «${name}» is expected`)
  secretValue(secret, kind, `${path}[0]`)
  return secret
}

/** Resources may be wrapped, as they are in answers of management servers. */
function unwrapped(resource: Any): Any {
  return anyUnpack(resource, ResourceSchema)?.resource ?? resource
}
