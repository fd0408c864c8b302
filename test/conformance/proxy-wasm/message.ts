/** Node's flat list of names and values as pairs with lower-case names. */
export function fold(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) pairs.push([raw[i].toLowerCase(), raw[i + 1]])
  return pairs
}

export function piecesOf(body: string | readonly string[]): readonly string[] {
  return typeof body === 'string' ? [body] : body
}
