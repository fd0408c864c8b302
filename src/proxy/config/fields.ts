/** Reading protobuf config strictly: what is set and not supported is refused with its path, never ignored. */
import { type DescField, type DescMessage, isFieldSet, type Message, type MessageShape } from '@bufbuild/protobuf'
import { SluiceError } from '../../errors.ts'
import { LONGEST_TIMER } from '../timeout-queue.ts'

/** Refuses every field of `message` that is set and not in `supported` (proto names). `path` is where the message stands. */
export function onlyFields<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  supported: readonly string[],
  path: string,
): void {
  for (const field of schema.fields) {
    if (!isFieldSet(message as Message, field) || supported.includes(field.name)) continue
    // Zero values of implicit-presence fields do not count as set, so this is something that a person wrote.
    throw unsupported(`${path}.${field.name}`, describe(field))
  }
}

function describe(field: DescField): string {
  return field.fieldKind === 'message' ? `${field.message.name} is not supported` : 'the field is not supported'
}

/** For what Envoy can do and this proxy cannot. */
export function unsupported(where: string, detail: string): SluiceError {
  return new SluiceError('SL5001', `${where}: ${detail}`, { where })
}

/** For what is wrong, here and in Envoy. */
export function invalid(where: string, detail: string): SluiceError {
  return new SluiceError('SL5002', `${where}: ${detail}`, { where })
}

/** What `make` refuses is of what stands at `path`: filters name their fields, and not where they themselves stand. */
export async function standingAt<T>(path: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    throw error instanceof SluiceError ? error.at(path) : error
  }
}

/** A number where there is one, refused outside of its bounds. */
export function within(value: number | undefined, absent: number, min: number, max: number, path: string): number {
  if (value === undefined) return absent
  if (value < min || value > max) throw invalid(path, `must be from ${min} to ${max}`)
  return value
}

/** Duration in milliseconds, or the default when absent; no longer than a timer can be. */
export function durationMs(value: { seconds: bigint; nanos: number } | undefined, absent: number): number {
  return value === undefined ? absent : Math.min(LONGEST_TIMER, Number(value.seconds) * 1000 + value.nanos / 1e6)
}

/** As `durationMs`, for what has to last: a pause of nothing between what is done again and again would leave no time for anything else. */
export function pauseMs(
  value: { seconds: bigint; nanos: number } | undefined,
  absent: number,
  path: string,
  above = 0,
): number {
  const ms = durationMs(value, absent)
  if (value !== undefined && ms <= above) throw invalid(path, `must be greater than ${above === 0 ? 0 : `${above} ms`}`)
  return ms
}

/** A duration that nobody sets a timer for. */
export function durationSeconds({ seconds, nanos }: { seconds: bigint; nanos: number }): number {
  return Number(seconds) + nanos / 1e9
}
