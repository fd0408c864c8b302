/** The engine's one copy of a text, as literals are: of two such it compares the addresses alone. */
export function internalized(text: string): string {
  return Object.keys({ [text]: 0 })[0]
}
