/**
 * Methods that Node's Buffer has and its types lack. They are `toString` and `write` without the look-up of the encoding's name,
 * which costs as much as the conversion of a short header.
 */
interface Buffer {
  latin1Slice(start?: number, end?: number): string
  utf8Slice(start?: number, end?: number): string
  latin1Write(text: string, start?: number, length?: number): number
}
