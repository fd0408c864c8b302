/** Helpers of this room's tests, and of those above it. */
import { create, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { TypeUrl } from './type-urls.ts'

/** Lets microtasks and immediates run until `met` holds; fails after two seconds. */
export async function until(met: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = Date.now() + 2000
  while (!met()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets everything that is already under way happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

export function cluster(name: string, altStatName = ''): Any {
  return create(AnySchema, {
    typeUrl: TypeUrl.cluster,
    value: toBinary(ClusterSchema, create(ClusterSchema, { name, altStatName })),
  })
}

export function extension(name: string, value = ''): Any {
  const typedConfig = create(AnySchema, { typeUrl: 'type.googleapis.com/test', value: Buffer.from(value) })
  return create(AnySchema, {
    typeUrl: TypeUrl.extension,
    value: toBinary(TypedExtensionConfigSchema, create(TypedExtensionConfigSchema, { name, typedConfig })),
  })
}

export function named(...resources: [string, Any][]): Map<string, Any> {
  return new Map(resources)
}
