// Starts oidc-provider on a free loopback port and prints {"issuer": ...} when it listens.
// STINT_PROVIDER holds what to run. It ends when stdin does, so that it never
// outlives the test that started it.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const { clientID, clientSecret, redirectURLs, postLogoutURLs, backChannelURL, alg, accounts } = JSON.parse(process.env.STINT_PROVIDER);

const key = (type, options, use) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), ...use,
});

const client = {
  client_id: clientID,
  redirect_uris: redirectURLs,
  post_logout_redirect_uris: postLogoutURLs,
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  id_token_signed_response_alg: alg,
  ...(backChannelURL ? { backchannel_logout_uri: backChannelURL, backchannel_logout_session_required: true } : {}),
  ...(clientSecret
    ? { client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' }
    : { token_endpoint_auth_method: 'none' }),
};

const configuration = {
  clients: [client],
  jwks: {
    keys: [
      key('rsa', { modulusLength: 2048 }, { kid: 'rsa', use: 'sig' }),
      key('ec', { namedCurve: 'P-256' }, { kid: 'ec', use: 'sig' }),
      key('ed25519', {}, { kid: 'ed', use: 'sig' }),
    ],
  },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
    amr: null,
    acr: null,
    auth_time: null,
  },
  // It keeps away from loopback addresses, where the test listens; its dispatcher does that.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: { backchannelLogout: { enabled: true } },
  issueRefreshToken: async () => Boolean(backChannelURL),
  pkce: { required: () => true },
  cookies: { keys: ['a key for tests only'] },
  findAccount: (ctx, id) => accounts[id] && {
    accountId: id,
    claims: () => ({ sub: id, ...accounts[id] }),
  },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  console.log(JSON.stringify({ issuer }));
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
