import { toBinary } from '@bufbuild/protobuf'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { watchMoves } from '../../base/watch-moves.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { NamedResource, RejectedResource } from '../../xds/index.ts'
import type { StatsStore } from '../stats/store.ts'
import { checkSecret } from '../tls/check-secret.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import { attempt, type Delivered, decode, delivered, same } from './delivered.ts'
import type { FieldWatch } from './field-watch.ts'
import { countUpdate, sdsStats } from './sds-stats.ts'
import { secretContent, watchedDirectories } from './secret-content.ts'
import type { AskedUpdates } from './subscription.ts'

/** Who takes secrets into use. */
interface SecretUsers {
  /** Hands one to all workers. */
  put(key: string, secret: Secret): Promise<void>
  /** Nobody uses it any more. */
  drop(key: string): Promise<void>
  /** Makes anew who uses it; says who refuses it, and why. */
  renew(key: string): Promise<readonly string[]>
  /** It may be the last that somebody waited for. */
  arrived(): Promise<void>
  /** Not beside other changes of secrets and their users. */
  inTurn(work: () => Promise<void>): void
}

/** A secret as it was delivered, with names of files. */
interface Source {
  readonly secret: Secret
  readonly version: string
  readonly path: string
  readonly watchers: readonly { close(): void }[]
}

/** The secrets in force, by key: each is tried out before it replaces the last good one, and again when files that it names change. */
export class SecretUpdates implements AskedUpdates {
  readonly all = new Map<string, Delivered<Secret>>()
  /** Those of which only what cannot be used has come. */
  readonly bad = new Set<string>()
  readonly #sources = new Map<string, Source>()
  readonly #users: SecretUsers
  readonly #fields: FieldWatch
  readonly #stats: StatsStore
  readonly #log: Logger
  #closed = false

  constructor(users: SecretUsers, fields: FieldWatch, stats: StatsStore, log: Logger) {
    this.#fields = fields
    this.#users = users
    this.#stats = stats
    this.#log = log
  }

  ops(): ConfigOp[] {
    return [...this.all].map(([name, { proto }]) => ({ kind: 'secret', name, bytes: toBinary(SecretSchema, proto) }))
  }

  /** One of the bootstrap, whose files nobody watches, as in Envoy. */
  addStatic(secret: Secret): Promise<void> {
    this.#fields.look(SecretSchema, secret, `secret "${secret.name}"`)
    return this.#put(secret.name, delivered(secret, ''))
  }

  async apply(resources: readonly NamedResource[]): Promise<RejectedResource[]> {
    const rejects: RejectedResource[] = []
    for (const { name, version, resource } of resources) {
      // Before it takes its time: who gives it up meanwhile has its counters forgotten.
      const stats = sdsStats(this.#stats, name)
      stats.attempt.value++
      const proto = decode(SecretSchema, resource)
      const reason = typeof proto === 'string' ? proto : await this.offer(name, proto, version, `secret "${name}"`)
      countUpdate(stats, reason)
      if (reason === undefined) continue
      rejects.push({ name, reason })
      await this.giveUp(name)
    }
    return rejects
  }

  /** Whoever waits for one goes on without, as in Envoy, which counts it like any other update. */
  async absent(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const stats = sdsStats(this.#stats, name)
      stats.attempt.value++
      countUpdate(stats, undefined)
      await this.giveUp(name)
    }
  }

  /** Puts a secret into force everywhere, or says why not; then the one before stays. `path` is where it stands. */
  async offer(key: string, secret: Secret, version: string, path: string): Promise<string | undefined> {
    const known = this.#sources.get(key)
    if (same(known?.secret, secret, SecretSchema)) return undefined
    this.#fields.look(SecretSchema, secret, path)
    const watchers: { close(): void }[] = []
    const close = () => {
      for (const watcher of watchers) watcher.close()
    }
    // Watched before they are read: no change is missed.
    const content = attempt(() => {
      for (const directory of watchedDirectories(secret, path))
        watchers.push(watchMoves(directory, undefined, () => this.#users.inTurn(() => this.#rotate(key))))
      return checked(secret, path)
    })
    const { problem, inForce } =
      typeof content === 'string' ? { problem: content, inForce: false } : await this.#install(key, content, version)
    if (inForce && !this.#closed) {
      this.#unwatch(key)
      this.#sources.set(key, { secret, version, path, watchers })
    } else close()
    return problem
  }

  /**
   * What has come is of no use. Where there is none before it, whoever waits for it goes on without: Envoy starts with a bad secret, too
   * (SdsApi::onConfigUpdateFailed).
   */
  async giveUp(key: string): Promise<void> {
    if (this.all.has(key)) return
    this.bad.add(key)
    await this.#users.arrived()
  }

  #unwatch(key: string): void {
    for (const watcher of this.#sources.get(key)?.watchers ?? []) watcher.close()
    this.#sources.delete(key)
  }

  forget(key: string): void {
    this.#unwatch(key)
    this.bad.delete(key)
    if (!this.all.delete(key)) return
    this.#users.inTurn(async () => {
      if (!this.all.has(key)) await this.#users.drop(key)
    })
  }

  /** What is still under way leaves nothing behind. */
  close(): void {
    this.#closed = true
    for (const key of [...this.#sources.keys()]) this.#unwatch(key)
  }

  async #rotate(key: string): Promise<void> {
    const source = this.#sources.get(key)
    if (source === undefined) return
    const { secret, version, path } = source
    const content = attempt(() => checked(secret, path))
    if (typeof content !== 'string' && same(this.all.get(key)?.proto, content, SecretSchema)) return
    const problem = typeof content === 'string' ? content : (await this.#install(key, content, version)).problem
    if (problem === undefined) {
      this.#log.info({ secret: secret.name }, 'files of the secret have changed')
      return
    }
    sdsStats(this.#stats, secret.name).rotationFailed.value++
    this.#log.warn(
      { secret: secret.name, code: 'SL5006' },
      `files of the secret have changed for the worse: ${problem}`,
    )
  }

  async #install(
    key: string,
    secret: Secret,
    version: string,
  ): Promise<{ readonly problem: string | undefined; readonly inForce: boolean }> {
    const before = this.all.get(key)
    await this.#put(key, delivered(secret, version))
    const refusals = await this.#users.renew(key)
    // It may be needed no more by now.
    if (!this.all.has(key)) return { problem: undefined, inForce: false }
    const problem = refusals.length === 0 ? undefined : refusals.join('; ')
    if (problem !== undefined && before !== undefined) {
      await this.#put(key, before)
      await this.#users.renew(key)
      return { problem, inForce: false }
    }
    await this.#users.arrived()
    return { problem, inForce: true }
  }

  async #put(key: string, secret: Delivered<Secret>): Promise<void> {
    this.all.set(key, secret)
    this.bad.delete(key)
    await this.#users.put(key, secret.proto)
  }
}

function checked(secret: Secret, path: string): Secret {
  const content = secretContent(secret, path)
  checkSecret(content, path)
  return content
}
