// An OpenID Connect provider for tests: the certified oidc-provider with its own forms, which believe whatever name is typed into them.
// Who somebody is, and in which groups, the name says: `ann` is in `shop-team`, `sam` in `sre`, anybody else in none that has a right.
// Who is called `forge-…` gets a forged token.

import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import { forger } from "./forger.mjs";

const [port, hub] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const groups = { ann: ["shop-team"], sam: ["sre"] };

// Of this start alone: who is signed in at a provider that was started again meets other keys, as after a change of keys.
const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
const key = { ...(await exportJWK(privateKey)), alg: "RS256", use: "sig" };

const secret = "the secret of the hub: 100% + a/b";

const client = (id, more) => ({
  client_id: id,
  redirect_uris: [`${hub}/login/callback`],
  post_logout_redirect_uris: [`${hub}/signed-out`],
  ...more,
});

const provider = new Provider(issuer, {
  clients: [
    client("shipper", { client_secret: secret }),
    client("public", { token_endpoint_auth_method: "none" }),
  ],
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "profile", "email", "groups"],
  // The groups are in the ID token, as most providers have it, and not at userinfo alone.
  conformIdTokenClaims: false,
  jwks: { keys: [key] },
  pkce: { required: () => true },
  cookies: { keys: ["of this test"] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  async findAccount(_, id) {
    const claims = () => ({
      sub: id,
      name: id === "ann" ? "Ann <b>Example</b>" : id,
      email: `${id}@example.com`,
      email_verified: id !== "eve",
      groups: groups[id] ?? ["guests"],
    });
    return { accountId: id, claims };
  },
});

provider.use(await forger({ privateKey, publicKey, secret }));
createServer(provider.callback()).listen(Number(port), "127.0.0.1", () => console.log("ready"));
