import { toBinary } from '@bufbuild/protobuf'
import {
  type LocalRateLimit,
  LocalRateLimitSchema,
} from '../../../../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.ts'
import { TokenBucketSchema } from '../../../../gen/envoy/type/v3/token_bucket_pb.ts'
import { WeakValues } from '../../../base/weak-values.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { ResponseFlag } from '../../http/stream-info.ts'
import { FilterStatus, type NetworkFilterFactory } from '../../network/filter.ts'
import { TokenBucket, TokenBucketSettings } from '../../rate-limit/token-bucket.ts'
import { SharedCells, sharedMemoryForCells } from '../../shared-cells.ts'

const PATH = 'local_ratelimit'
const FIELDS = ['stat_prefix', 'token_bucket', 'runtime_enabled', 'share_key']

/** `envoy.filters.network.local_ratelimit`: a token for each connection, from a bucket that all workers share. */
export const networkLocalRateLimit: NetworkFilterFactory<typeof LocalRateLimitSchema> = {
  name: 'envoy.filters.network.local_ratelimit',
  configType: LocalRateLimitSchema,
  prepare: async (config) => memoryFor(config),
  create(config, context) {
    onlyFields(LocalRateLimitSchema, config, FIELDS, PATH)
    if (config.statPrefix === '') throw invalid(`${PATH}.stat_prefix`, 'missing')
    if (config.tokenBucket === undefined) throw invalid(`${PATH}.token_bucket`, 'missing')
    const settings = new TokenBucketSettings(config.tokenBucket, `${PATH}.token_bucket`)
    const cells = new SharedCells(context.prepared as SharedArrayBuffer | undefined)
    const bucket = new TokenBucket(settings, cells.take() as BigInt64Array)
    const limited = context.stats.scope(`local_rate_limit.${config.statPrefix}.`).counter('rate_limited')
    if (config.runtimeEnabled?.defaultValue === false) return { createFilter: () => undefined }
    return {
      createFilter: (callbacks) => ({
        onNewConnection() {
          if (bucket.take(1)) return FilterStatus.Continue
          limited.value++
          // So Envoy's filter says, though nothing was tried.
          callbacks.connection.responseFlags |= ResponseFlag.UpstreamRetryLimitExceeded
          callbacks.close('', true)
          return FilterStatus.StopIteration
        },
      }),
    }
  },
}

/** Of filters that share a bucket; kept by the configuration that they stand in. */
const shared = new WeakValues<SharedArrayBuffer>()

/** On the main thread. Buckets that are the same and have the same key are one, in all listeners. */
function memoryFor({ shareKey, tokenBucket }: LocalRateLimit): SharedArrayBuffer {
  if (shareKey === '' || tokenBucket === undefined) return sharedMemoryForCells()
  const name = `${shareKey} ${Buffer.from(toBinary(TokenBucketSchema, tokenBucket)).toString('hex')}`
  return shared.get(name, sharedMemoryForCells)
}
