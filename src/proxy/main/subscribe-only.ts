import type { AdsClient } from '../../xds/index.ts'

/** Asks for these names of a type and for no others; `forget` is told of each that was asked for until now. */
export function subscribeOnly(
  ads: AdsClient,
  typeUrl: string,
  wanted: ReadonlySet<string>,
  forget: (name: string) => void,
): void {
  const present = ads.subscribed(typeUrl)
  const added = [...wanted].filter((name) => !present.has(name))
  const removed = [...present].filter((name) => !wanted.has(name))
  if (added.length > 0) ads.subscribe(typeUrl, added)
  if (removed.length === 0) return
  ads.unsubscribe(typeUrl, removed)
  for (const name of removed) forget(name)
}
