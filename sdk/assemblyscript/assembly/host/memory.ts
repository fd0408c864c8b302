/**
 * The memory that module and host share. Nothing is collected while a callback runs, so a pointer that was given to the host
 * stays good until the callback returns; what the callback left behind goes when enough of it has gathered.
 */

/** Where the host writes results: pointer, size and one value more. */
const slots: usize = memory.data(24, 8)

// @ts-ignore: decorator
@inline
export const RESULT_DATA: usize = slots
// @ts-ignore: decorator
@inline
export const RESULT_SIZE: usize = slots + 4
// @ts-ignore: decorator
@inline
export const RESULT_VALUE: usize = slots + 8

/** Garbage that is let gather before a collection: a few hundred requests' worth, so that its cost is lost among them. */
const COLLECT_BYTES: usize = 64 << 10

let allocated: usize = 0
let callbacks: u32 = 0

/** The host's allocation: a managed buffer, so that a result can be used where it is, without a copy. */
export function allocate(size: usize): usize {
  allocated += size + 32
  return __new(size, idof<ArrayBuffer>())
}

/** What the host just returned by pointer and size. */
export function takeResult(): ArrayBuffer {
  const data = load<usize>(RESULT_DATA)
  // An empty value has no memory of its own.
  if (load<usize>(RESULT_SIZE) == 0 || data == 0) return new ArrayBuffer(0)
  return changetype<ArrayBuffer>(data)
}

/** Call at the end of each callback, when nothing of it is on the stack any more. */
export function endCallback(): void {
  // Strings and objects of the callback itself are not counted one by one: 256 callbacks stand for them.
  if (allocated < COLLECT_BYTES && ++callbacks < 256) return
  allocated = 0
  callbacks = 0
  __collect()
}
