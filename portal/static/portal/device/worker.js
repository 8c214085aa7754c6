// The thread that makes fingerprints, one picture at a time, so that the page stays usable.
//
// In: {file, crop}, or {file, preview}, the longest side in pixels of a small copy to choose a part on.
// Out, in this order: {step: "base", fingerprint}; {step: "progress", done, all} now and then; {step: "whole",
// fingerprint}. Or {step: "preview", bitmap}. Or {step: "refused", reason} at any time. Pictures never leave.

import {decode, pixelsOf} from "./decode.js";
import {baseFingerprint, withVariants} from "./fingerprint.js";
import {Refused} from "./formats.js";
import {selftest} from "./selftest.js";
import {small} from "./surface.js";

const tested = selftest();

onmessage = async ({data}) => {
  try {
    const answer = await tested;
    if (answer !== "fine") throw new Refused(answer);
    await (data.preview ? preview(data) : fingerprint(data));
  } catch (error) {
    postMessage({step: "refused", reason: error instanceof Refused ? error.reason : "failed"});
  }
};

async function fingerprint({file, crop}) {
  const {bytes, format, picture} = await decode(file);
  const pixels = pixelsOf(picture, crop);
  picture.bitmap.close();
  // Of a part, nothing of the whole file is told: its digests would name a screenshot with all else on it.
  const base = await baseFingerprint(crop ? pixels.rgb : bytes, pixels, format);
  postMessage({step: "base", fingerprint: base});
  const progress = (done, all) => postMessage({step: "progress", done, all});
  postMessage({step: "whole", fingerprint: await withVariants(base, pixels, progress)});
}

async function preview({file, preview: side}) {
  const {picture} = await decode(file);
  const bitmap = small(picture, side);
  picture.bitmap.close();
  postMessage({step: "preview", bitmap}, [bitmap]);
}
