// Numbers to read, and numbers as people write them.
const SMALL = -4, LARGE = 6;

function withoutZeros(text) {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

// So many significant digits. Whole numbers stay whole; a number that was given keeps no zeros
// that nobody wrote; a rounded one keeps them, for they say how exact it is.
function rounded(value, digits = 4, given = false) {
  if (value === 0) return "0";
  let [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  exponent = Number(exponent);
  if (exponent < SMALL || exponent >= max(LARGE, digits)) {
    if (given || value === Number(value.toExponential(0))) mantissa = withoutZeros(mantissa);
    return `${mantissa}e${exponent}`;
  }
  const text = value.toFixed(max(digits - 1 - exponent, 0));
  return given || value === Math.trunc(value) ? withoutZeros(text) : text;
}

const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const MINUS = "<mo>−</mo>";

function numberMathML(text) {
  const [mantissa, exponent] = text.split("e");
  const sign = mantissa.startsWith("-") ? MINUS : "";
  const made = `${sign}<mn>${mantissa.replace("-", "")}</mn>`;
  if (exponent === undefined) return made;
  return `${made}<mo>·</mo><msup><mn>10</mn><mrow>${numberMathML(exponent)}</mrow></msup>`;
}

const isNumber = (said) => /^-?[0-9.]+(e-?[0-9]+)?$/.test(said);

// A number, or the word in its place: #NUM!, Correct.
const saidMathML = (said) => (isNumber(said) ? numberMathML(said) : `<mtext>${escaped(said)}</mtext>`);

// A typed number, as hand calculations are read: its value, and the worth of its last digit.
// Text that is none, or that could be read two ways, has a reason instead.
function readNumber(typed) {
  let text = typed.replace(/^[\s\u00a0\u2007\u2009\u202f]+|[\s\u00a0\u2007\u2009\u202f]+$/g, "");
  if (!text) return { reason: "" };
  text = text.replace(/[−–‒﹣－]/g, "-").replace(/^([+-])\s+/, "$1");
  if (text.includes(",")) return { reason: "write a point, not a comma, before the decimals." };
  text = text.replace(/\s*[x×*·]\s*10\s*\^?\s*[({]?\s*([+-]?[0-9]{1,3})\s*[)}]?$/, "e$1");
  const found = /^([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?$/.exec(text);
  const value = found && Number(text);
  if (!found || text.length > 60 || !Number.isFinite(value)) return { reason: "digits expected, such as -0.25." };
  const decimals = (found[3] ?? found[4] ?? "").length - Number(found[5] ?? 0);
  const unit = Number(`1e${-decimals}`);
  return unit ? { value, decimals, unit } : { reason: "too small a number." };
}

// Whether an exact value rounds to what was written; `units` of its last digit widen that.
function agrees(written, exact, units = 0.5) {
  const hair = 1e-9 * written.unit + 4e-16 * abs(exact);
  return Number.isFinite(exact) && abs(exact - written.value) <= units * written.unit + hair;
}

// Enough digits are those that show two significant ones, or all that there are.
function isShort(written, exact, digits = 2) {
  if (exact === 0) return false;
  const needed = max(0, digits - 1 - Math.floor(Math.log10(abs(exact))));
  return written.decimals < needed && abs(written.value - exact) > 0.500000001 * 10 ** -needed;
}
