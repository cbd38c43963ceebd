import { expect } from "chai";

import { UserError } from "../../../src/base/errors";
import { fileName, helpText, oneOf, readOptions, wholeNumber, wholeNumbers } from "../../support/options";

const options = {
  sites: wholeNumber(3, { least: 2, most: 300 }),
  rows: wholeNumbers([10, 100]),
  journals: oneOf("tmpfs", "disk"),
};

describe("options of a bench", () => {
  it("are the defaults when nothing is given", () => {
    expect(readOptions(options, [])).to.deep.equal({ sites: 3, rows: [10, 100], journals: "tmpfs", json: false });
  });

  it("are what is given", () => {
    const args = ["--sites", "100", "--rows=1,2", "--json", "--journals", "disk"];
    expect(readOptions(options, args)).to.deep.equal({ sites: 100, rows: [1, 2], journals: "disk", json: true });
  });

  it("are no numbers at all for those that may be left out", () => {
    const may = { rows: wholeNumbers([10], { orNone: true }) };
    expect(readOptions(may, ["--rows", "none"]).rows).to.deep.equal([]);
    expect(() => readOptions(options, ["--rows", "none"])).to.throw(UserError, "--rows must be numbers");
  });

  for (const [args, complaint] of [
    [["--sites", "1"], '--sites must be a whole number from 2 to 300, got "1"'],
    [["--sites", "3.5"], '--sites must be a whole number from 2 to 300, got "3.5"'],
    [["--sites="], '--sites must be a whole number from 2 to 300, got ""'],
    [
      ["--rows", "1,x"],
      '--rows must be numbers with commas in between, each a whole number from 1 to 4294967295, got "1,x"',
    ],
    [["--journals", "tape"], '--journals must be tmpfs or disk, got "tape"'],
    [["--site", "3"], "Unknown option '--site'; options are --sites, --rows, --journals, --json"],
    [["--sites"], "Option '--sites <value>' argument missing; options are --sites, --rows, --journals, --json"],
  ] as const) {
    it(`names what is wrong with ${args.join(" ")}`, () => {
      expect(() => readOptions(options, args)).to.throw(UserError, complaint);
    });
  }

  it("are listed by --help, each with what it takes and its default", () => {
    expect(helpText({ ...options, file: fileName() }, "What is measured.").split("\n")).to.deep.equal([
      "What is measured.",
      "",
      "option      takes                                                                     default",
      "----------  ------------------------------------------------------------------------  -------",
      "--sites     a whole number from 2 to 300                                              3",
      "--rows      numbers with commas in between, each a whole number from 1 to 4294967295  10,100",
      "--journals  tmpfs or disk                                                             tmpfs",
      "--file      the name of a file",
      "--json      prints one JSON object on the last line",
    ]);
  });
});
