// Puts a file as a comment on a pull request of GitHub, or a merge request of GitLab, in the place of the one before:
//   node examples/ci/comment.mjs comment.md
// The file begins with a mark, <!-- … -->, by which the comment before is found; one of somebody else's with that mark is left alone.
// GitHub: GITHUB_TOKEN, GITHUB_REPOSITORY, PULL_REQUEST. GitLab: GITLAB_TOKEN, CI_PROJECT_ID, CI_MERGE_REQUEST_IID.
import { readFileSync } from "node:fs";

const { env } = process;
const [file = "comment.md"] = process.argv.slice(2);
const body = readFileSync(file, "utf8");
const mark = /^<!-- [^\n]+ -->/.exec(body)?.[0];
if (mark === undefined) fail(`${file} does not begin with a mark such as <!-- dns-mesh preview -->`);

const host = env.GITLAB_TOKEN === undefined ? await gitHub() : await gitLab();
const former = (await host.comments()).find((each) => host.isOurs(each) && each.body.startsWith(mark));
if (former === undefined) await host.create(body);
else await host.update(former.id, body);
console.log(former === undefined ? "commented" : "comment replaced");

async function gitHub() {
  const api = env.GITHUB_API_URL ?? "https://api.github.com";
  const repository = `${api}/repos/${needed("GITHUB_REPOSITORY")}`;
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${needed("GITHUB_TOKEN")}`,
    "x-github-api-version": "2022-11-28",
  };
  const ofPull = `${repository}/issues/${number("PULL_REQUEST")}/comments`;
  // The name under which a workflow's own token writes.
  const login = env.COMMENT_AUTHOR ?? "github-actions[bot]";
  return {
    comments: () => pages(ofPull, headers),
    isOurs: ({ user }) => user?.login === login,
    create: (text) => send("POST", ofPull, { headers, text }),
    update: (id, text) => send("PATCH", `${repository}/issues/comments/${id}`, { headers, text }),
  };
}

async function gitLab() {
  const api = env.CI_API_V4_URL ?? "https://gitlab.com/api/v4";
  const headers = { "private-token": needed("GITLAB_TOKEN") };
  const notes = `${api}/projects/${number("CI_PROJECT_ID")}/merge_requests/${number("CI_MERGE_REQUEST_IID")}/notes`;
  const self = await (await ask(`${api}/user`, { headers })).json();
  return {
    comments: () => pages(notes, headers),
    isOurs: ({ author }) => author?.id === self.id,
    create: (text) => send("POST", notes, { headers, text }),
    update: (id, text) => send("PUT", `${notes}/${id}`, { headers, text }),
  };
}

/** All comments, a hundred at a time. */
async function pages(url, headers) {
  const all = [];
  for (let page = 1; page <= 100; page += 1) {
    const some = await (await ask(`${url}?per_page=100&page=${page}`, { headers })).json();
    if (!Array.isArray(some)) fail(`${new URL(url).pathname} gave no list of comments`);
    all.push(...some);
    if (some.length < 100) return all;
  }
  return fail("more than 10,000 comments");
}

function send(method, url, { headers, text }) {
  const sent = { ...headers, "content-type": "application/json" };
  return ask(url, { method, headers: sent, body: JSON.stringify({ body: text }) });
}

/** Says what failed by method, path and status: answers and headers stay out of the log. */
async function ask(url, options) {
  const what = `${options.method ?? "GET"} ${new URL(url).pathname}`;
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(30_000) }).catch((error) =>
    fail(`${what}: ${error.cause?.code ?? error.name}`),
  );
  if (!answer.ok) fail(`${what}: ${answer.status}`);
  return answer;
}

function needed(name) {
  const value = env[name];
  if (value === undefined || value === "") fail(`${name} is not set`);
  return value;
}

function number(name) {
  const value = needed(name);
  if (!/^\d+$/.test(value)) fail(`${name} is not a number`);
  return value;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
