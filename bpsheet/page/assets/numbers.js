// Numbers as the page shows them, and numbers as people write them.
const SMALL = -4, LARGE = 6;
// The reader's language says whether decimals stand after a comma or a point.
const LANGUAGE = navigator.language || "en";
const HAS_COMMA = new Intl.NumberFormat(LANGUAGE).format(1.5).includes(",");

// A number's text as the reader writes it, and a count with the marks between its thousands.
const localised = (text) => (HAS_COMMA ? text.replace(".", ",") : text);
const counted = (count) => count.toLocaleString(LANGUAGE);

function withoutZeros(text) {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

// A number rounded to significant digits. A whole number stays whole. A given number has no zeros
// at its end. A rounded number keeps its zeros, which show how exact it is.
function rounded(value, digits = 4, given = false) {
  if (value === 0) return "0";
  let [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  exponent = Number(exponent);
  if (exponent < SMALL || exponent >= max(LARGE, digits)) {
    if (given || value === Number(value.toExponential(0))) mantissa = withoutZeros(mantissa);
    return localised(`${mantissa}e${exponent}`);
  }
  const text = value.toFixed(max(digits - 1 - exponent, 0));
  return localised(given || value === Math.trunc(value) ? withoutZeros(text) : text);
}

const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

// The sign of a number, which has no space after it.
const SIGN = "<mo form='prefix'>−</mo>";

function numberMathML(text) {
  const [mantissa, exponent] = text.split("e");
  const sign = mantissa.startsWith("-") ? SIGN : "";
  const number = `${sign}<mn>${mantissa.replace("-", "")}</mn>`;
  if (exponent === undefined) return number;
  return `${number}<mo>·</mo><msup><mn>10</mn><mrow>${numberMathML(exponent)}</mrow></msup>`;
}

const isNumber = (text) => /^-?[0-9.,]+(e-?[0-9]+)?$/.test(text);

// A formula's mathematics with the reader's comma. Semicolons then stand between arguments.
const localMathML = (text) => (HAS_COMMA
  ? text.replaceAll("<mo>,</mo>", "<mo>;</mo>").replace(/<mn>([0-9]+)\.([0-9]+)<\/mn>/g, "<mn>$1,$2</mn>") : text);

// A number, or a word that stands for a number: #NUM!, Correct.
const valueMathML = (text) => (isNumber(text) ? numberMathML(text) : `<mtext>${escaped(text)}</mtext>`);

// A typed number with a point before its decimals. A comma is understood too, unless it could stand
// between thousands: 1,234 where the reader's language has a point.
function pointed(text) {
  const isThousands = !HAS_COMMA && /^[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+$/.test(text);
  return /^[^.,]*,[^.,]*$/.test(text) && !isThousands ? text.replace(",", ".") : text;
}

// Reads a typed number as hand calculations are read: its value, and the unit of its last digit.
// A text that is no number, or that could be read in two ways, gives a reason.
function readNumber(typed) {
  let text = typed.replace(/^[\s\u00a0\u2007\u2009\u202f]+|[\s\u00a0\u2007\u2009\u202f]+$/g, "");
  if (!text) return { reason: "" };
  text = text.replace(/[−–‒﹣－]/g, "-").replace(/^([+-])\s+/, "$1");
  text = pointed(text);
  if (text.includes(",")) return { reason: "write one point or comma, before the decimals, and none between thousands." };
  text = text.replace(/\s*[x×*·]\s*10\s*\^?\s*[({]?\s*([+-]?[0-9]{1,3})\s*[)}]?$/, "e$1");
  const match = /^([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?$/.exec(text);
  const value = match && Number(text);
  if (!match || text.length > 60 || !Number.isFinite(value)) return { reason: `write a number such as ${localised("-0.25")}.` };
  const decimals = (match[3] ?? match[4] ?? "").length - Number(match[5] ?? 0);
  const unit = Number(`1e${-decimals}`);
  if (!Number.isFinite(unit)) return { reason: "the number is too large." };
  return unit ? { value, decimals, unit } : { reason: "the number is too small." };
}

// Whether an exact value is within `units` of the written number's last digit (0.5: it rounds to it).
function agrees(written, exact, units = 0.5) {
  const hair = 1e-9 * written.unit + 4e-16 * abs(exact);
  return Number.isFinite(exact) && abs(exact - written.value) <= units * written.unit + hair;
}

// Whether a written number is an exact value whose further digits were cut off, not rounded.
function isCut(written, exact) {
  const beyond = abs(exact) - abs(written.value);
  return Boolean(written.value) && exact * written.value > 0 && beyond >= 0 && beyond < written.unit;
}

// The number of significant digits that a written number claims.
function significant(written) {
  if (!written.value) return 1;
  return max(1, Math.floor(Math.log10(abs(written.value)) + 1e-12) + 1 + written.decimals);
}

// Whether a written number shows too few digits: fewer than `digits` significant digits of an exact
// value that has more.
function isShort(written, exact, digits = 2) {
  if (abs(exact) < 1e-13) return false;
  if (!written.value) return true;
  return written.decimals < needed(exact, digits) && abs(written.value - exact) > 0.500000001 * 10 ** -needed(exact, digits);
}

// The decimals that show so many significant digits of a value.
function needed(exact, digits) {
  return exact ? max(0, digits - 1 - Math.floor(Math.log10(abs(exact)))) : 0;
}

function lacksDecimals(written, exact, digits = 2) {
  return written.decimals < needed(exact, digits) && significant(written) < digits;
}
