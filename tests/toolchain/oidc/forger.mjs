// Tokens that a provider would never give out, in the place of those that it does: who signs in as `forge-KIND` gets one of that kind. All of
// them claim a group that sees everything.

import { SignJWT, base64url, decodeJwt, decodeProtectedHeader, exportJWK, exportSPKI, generateKeyPair } from "jose";

const bytes = (text) => new TextEncoder().encode(text);
const part = (value) => base64url.encode(JSON.stringify(value));
const inMinutes = (minutes) => Math.floor(Date.now() / 1000) + 60 * minutes;

// Changes the answers of a provider that signs with this pair of keys and shares this secret with its client.
export const forger = async ({ privateKey, publicKey, secret }) => {
  const stranger = await generateKeyPair("RS256", { extractable: true });
  const known = { pem: bytes(await exportSPKI(publicKey)), jwk: bytes(JSON.stringify(await exportJWK(publicKey))) };
  let before;

  const tokens = (token) => {
    const [header, body, signature] = token.split(".");
    const claims = { ...decodeJwt(token), groups: ["sre"] };
    const head = decodeProtectedHeader(token);
    const sign = (more, header, key = privateKey) =>
      new SignJWT({ ...claims, ...more }).setProtectedHeader({ ...head, ...header }).sign(key);
    return {
      // What all others are but for one thing: it is believed.
      nothing: () => sign(),
      changed: () => `${header}.${part(claims)}.${signature}`,
      stranger: () => sign({}, {}, stranger.privateKey),
      "key-of-its-own": async () => {
        const jwk = await exportJWK(stranger.publicKey);
        return sign({}, { kid: "its-own", jwk }, stranger.privateKey);
      },
      none: () => `${part({ ...head, alg: "none" })}.${part(claims)}.`,
      "none-signed": () => `${part({ ...head, alg: "None" })}.${part(claims)}.${signature}`,
      unsigned: () => `${header}.${part(claims)}.`,
      "hmac-pem": () => sign({}, { alg: "HS256" }, known.pem),
      "hmac-jwk": () => sign({}, { alg: "HS256" }, known.jwk),
      "hmac-secret": () => sign({}, { alg: "HS256" }, bytes(secret)),
      issuer: () => sign({ iss: "https://evil.example" }),
      audience: () => sign({ aud: "public" }),
      audiences: () => sign({ aud: ["shipper", "public"] }),
      party: () => sign({ azp: "public" }),
      expired: () => sign({ iat: inMinutes(-60), exp: inMinutes(-5) }),
      endless: () => sign({ exp: undefined }),
      "not-yet": () => sign({ nbf: inMinutes(5) }),
      nobody: () => sign({ sub: undefined }),
      nonce: () => sign({ nonce: "of another login" }),
      "no-nonce": () => sign({ nonce: undefined }),
      replayed: () => before,
      // Its groups are asked for at the userinfo endpoint.
      person: () => sign({ groups: undefined }),
    };
  };

  return async (ctx, next) => {
    await next();
    const kind = ctx.oidc?.account?.accountId?.match(/^forge-(.*)/)?.[1];
    if (ctx.oidc?.route === "token" && ctx.body?.id_token) {
      const real = ctx.body.id_token;
      ctx.body = kind ? { ...ctx.body, id_token: await tokens(real)[kind]() } : ctx.body;
      before = real;
    }
    if (ctx.oidc?.route === "userinfo" && kind) ctx.body = { ...ctx.body, sub: "sam", groups: ["sre"] };
  };
};
