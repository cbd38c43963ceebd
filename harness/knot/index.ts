export * from "./binaries";
export * from "./server";
