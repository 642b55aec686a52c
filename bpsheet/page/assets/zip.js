// Compressed data: what the page carries, and zip files that it makes. The browser compresses.
const through = (stream, transform) => new Response(stream.pipeThrough(transform));

// The data that Python has packed: JSON, compressed, in base64.
async function unpackedData(packed) {
  const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
  const { pool, value } = await through(new Blob([bytes]).stream(), new DecompressionStream("deflate-raw")).json();
  return put(value, pool);
}

// A value in which long texts are put together from the pool of their pieces.
function put(value, pool) {
  if (Array.isArray(value)) return value.map((each) => put(each, pool));
  if (value === null || typeof value !== "object") return value;
  if (value.$) return value.$.map((place) => pool[place]).join("");
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, put(each, pool)]));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let rest = number;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

// A zip file of parts: [name, pieces of its text]. Its date is fixed, as in the files of Python.
const ZIP_DATE = (20 << 9) | (1 << 5) | 1, DEFLATED = 8, VERSION = 20;

async function zipped(parts) {
  const blobs = [], directory = [];
  let place = 0;
  for (const [name, pieces] of parts) {
    const { crc, size, content } = await deflated(pieces);
    const path = new TextEncoder().encode(name);
    const common = [[VERSION, 2], [0, 2], [DEFLATED, 2], [0, 2], [ZIP_DATE, 2], [crc, 4], [content.size, 4], [size, 4], [path.length, 2], [0, 2]];
    const head = [record(0x04034b50, common), path];
    directory.push(record(0x02014b50, [[VERSION, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [place, 4]]), path);
    blobs.push(...head, content);
    place += 30 + path.length + content.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record(0x06054b50, [[0, 2], [0, 2], [parts.length, 2], [parts.length, 2], [size, 4], [place, 4], [0, 2]]);
  return new Blob([...blobs, ...directory, end]);
}

// A record of a zip file: its signature, and numbers of so many bytes.
function record(signature, numbers) {
  const all = [[signature, 4], ...numbers], bytes = new Uint8Array(all.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of all) {
    if (size === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += size;
  }
  return bytes;
}

// The pieces of a text, compressed, with the checksum and the size of what they were.
async function deflated(pieces) {
  const encoder = new TextEncoder(), iterator = pieces[Symbol.iterator]();
  let crc = 0xffffffff, size = 0;
  const stream = new ReadableStream({
    pull(controller) {
      const { value, done } = iterator.next();
      if (done) {
        controller.close();
        return;
      }
      const bytes = encoder.encode(value);
      for (let at = 0; at < bytes.length; at += 1) crc = CRC_TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
      size += bytes.length;
      controller.enqueue(bytes);
    },
  });
  const content = await through(stream, new CompressionStream("deflate-raw")).blob();
  return { crc: (crc ^ 0xffffffff) >>> 0, size, content };
}
