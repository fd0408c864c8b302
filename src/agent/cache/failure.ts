import { SluiceError } from '../../errors.ts'
import { SupplyError } from '../../oci/index.ts'
import type { FetchResult } from '../metrics.ts'

const MANIFEST_FAILURE = Symbol('manifest failure')

/** Marks an error for the metric, which tells a manifest that could not be had from a layer that could not. */
export function asManifestFailure(error: unknown): unknown {
  if (error instanceof SluiceError) Object.assign(error, { [MANIFEST_FAILURE]: true })
  return error
}

/** How a fetch that failed is counted. */
export function fetchResult(error: unknown): FetchResult {
  if (!(error instanceof SluiceError)) return 'download_failure'
  if (error.code === 'SL3011') return 'checksum_mismatched'
  if (error.code === 'SL3021') return 'fetch_failure'
  if (error.code === 'SL3025' || error.code === 'SL3026' || error.code === 'SL3027' || error.code === 'SL3031')
    return 'signature_failure'
  return MANIFEST_FAILURE in error ? 'manifest_failure' : 'download_failure'
}

/** Makes an error of the file system one of ours. */
export function asSupplyError(error: unknown): unknown {
  if (error instanceof SluiceError || typeof (error as NodeJS.ErrnoException)?.code !== 'string') return error
  // Node's messages begin with the code.
  return new SupplyError('SL3023', (error as Error).message, { cause: error, retryable: true })
}
