import { expect } from "chai";
import { printable, printableText } from "../../../src/base/text";

describe("text that others wrote", () => {
  it("steers no terminal, and is read in the order in which it stands", () => {
    expect(printable("a\u001b[2Jb\u009b1mc\u0007")).to.equal("a\\u{1b}[2Jb\\u{9b}1mc\\u{7}");
    expect(printable("x\u202egnp.exe\u2066\u200b\u2028")).to.equal("x\\u{202e}gnp.exe\\u{2066}\\u{200b}\\u{2028}");
    expect(printable("one\ntwo\r")).to.equal("one\\u{a}two\\u{d}");
  });

  it("stays as it is otherwise", () => {
    for (const line of ["www\t300 IN A 192.0.2.1", "zone „über“ … → 東京 🙂", ""])
      expect(printable(line)).to.equal(line);
    expect(printableText("one\r\n  two\n\u001b")).to.equal("one\n  two\n\\u{1b}");
  });
});
