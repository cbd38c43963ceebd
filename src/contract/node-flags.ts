/**
 * What Node is started with for an agent's work. V8 lets a heap that is mostly garbage grow to several times of what is
 * used before it collects; at 10,000 zones that was 290 MiB beside 123 MiB with these, which cost a tenth more CPU
 * (`npm run bench:scale`).
 */
export const nodeFlags: readonly string[] = ["--max-semi-space-size=1", "--heap-growing-percent=20"];

/**
 * What Node is started with for the record operator. Thousands of requests a minute leave garbage that is short-lived: a
 * young generation of 1 MiB cost it half as much CPU again (`npm run bench:records`).
 */
export const operatorFlags: readonly string[] = ["--max-semi-space-size=4", "--heap-growing-percent=20"];
