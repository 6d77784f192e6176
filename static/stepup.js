// Passkeys for forms. Contract:
//
//   <form method="post" action="/step-up/ID" data-stepup="get" data-options="{…}">
//     <input type="hidden" name="response">
//     <p data-stepup-error role="alert" hidden></p>
//     <button>Confirm with passkey</button>
//   </form>
//
// data-stepup is "get" or "create"; data-options is the options JSON the server made. Submitting asks for the
// passkey first, writes its answer as JSON into `response`, then submits for good with the same button. With
// data-auto it asks once by itself when the page loads. What goes wrong is said in [data-stepup-error] and the
// form can be submitted again. It listens on the document, so forms swapped in later work too.
(() => {
  "use strict";
  const busy = new WeakSet(), answered = new WeakSet();

  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // By hand: not every browser has parse…OptionsFromJSON, and password managers break toJSON.
  function decode(o) {
    o.challenge = bytes(o.challenge);
    if (o.user) o.user.id = bytes(o.user.id);
    for (const c of [...(o.allowCredentials || []), ...(o.excludeCredentials || [])]) c.id = bytes(c.id);
    return o;
  }

  function encode(c) {
    const r = c.response, response = {};
    for (const k of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (r[k]) response[k] = text(r[k]);
    if (r.getTransports) response.transports = r.getTransports();
    return JSON.stringify({
      id: text(c.rawId), rawId: text(c.rawId), type: c.type,
      authenticatorAttachment: c.authenticatorAttachment || undefined, response,
    });
  }

  const words = {
    NotAllowedError: "No passkey was used: it was canceled or took too long. Try again.",
    AbortError: "No passkey was used: it was canceled. Try again.",
    InvalidStateError: "This device already holds a passkey of yours. Use another device or security key.",
    SecurityError: "Passkeys do not work at this address. Open Stint at its own address.",
    NotSupportedError: "This device cannot make the kind of passkey Stint needs. Use another one.",
    ConstraintError: "This device cannot check that it is you. Set a PIN, fingerprint or face on it, or use another one.",
    Unsupported: "This browser cannot use passkeys here. Use a current browser, over https.",
  };

  function say(form, message) {
    const p = form.querySelector("[data-stepup-error]");
    if (p) { p.textContent = message; p.hidden = !message; }
  }

  async function ask(form, button) {
    busy.add(form);
    form.setAttribute("aria-busy", "true");
    say(form, "");
    try {
      if (!window.PublicKeyCredential) throw { name: "Unsupported" };
      const publicKey = decode(JSON.parse(form.dataset.options));
      const credential = await (form.dataset.stepup === "create"
        ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
      form.elements.namedItem("response").value = encode(credential);
      answered.add(form);
    } catch (e) {
      say(form, words[e && e.name] || "The passkey could not be used. Try again, or use another one.");
    }
    busy.delete(form);
    form.removeAttribute("aria-busy");
    if (answered.has(form) && form.isConnected) form.requestSubmit(button);
  }

  // Capturing, so that it runs before handlers on the form itself.
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (!form.dataset || !form.dataset.stepup || answered.delete(form)) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    if (!busy.has(form)) ask(form, e.submitter);
  }, true);

  const auto = () => { for (const f of document.querySelectorAll("form[data-stepup][data-auto]")) f.requestSubmit(); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", auto); else auto();
})();
