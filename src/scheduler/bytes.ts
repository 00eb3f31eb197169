const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** An amount of memory for people: `24 GiB`, `143771 MiB`; rounded to hundredths of GiB where it is no whole number of MiB. */
export function bytesText(bytes: number): string {
  if (bytes > 0 && bytes % GIB === 0) return `${bytes / GIB} GiB`;
  if (bytes > 0 && bytes % MIB === 0) return `${bytes / MIB} MiB`;
  return bytes < GIB ? `${bytes} bytes` : `${Math.round((bytes / GIB) * 100) / 100} GiB`;
}
