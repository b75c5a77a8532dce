"""Uploads a file of any size to Adrastea: python upload.py [--overwrite] URL TOKEN FILE PATH.
Run it again to go on after a break."""
import base64, hashlib, http.client, json, os, sys, urllib.parse

overwrite = "--overwrite" in sys.argv
url, token, file, path = [argument for argument in sys.argv[1:] if argument != "--overwrite"]
url, length = urllib.parse.urlsplit(url), os.path.getsize(file)
tus = {"Authorization": f"token {token}", "Tus-Resumable": "1.0.0"}
server = http.client.HTTPConnection(url.netloc)

def ask(method, path, body=None, **headers):
    server.request(method, path, body, tus | {name.replace("_", "-"): str(value) for name, value in headers.items()})
    answer = server.getresponse()
    text = answer.read().decode()
    if answer.status >= 400:
        told = json.loads(text)["message"] if text.startswith("{") else text
        sys.exit(f"{answer.status} {answer.reason}: {told}")
    return answer.headers, json.loads(text or "null")

def encoded(text):
    return base64.b64encode(text.encode()).decode()

with open(file, "rb") as source:
    ours = hashlib.file_digest(source, "sha256").hexdigest()
base = url.path.rstrip("/") + "/api/uploads"
begun = [it for it in ask("GET", base)[1] if it["path"] == path and it["length"] == length and not it["complete"]]
upload = f"{base}/{begun[0]['id']}" if begun else ask(
    "POST", base, Upload_Length=length,
    Upload_Metadata=f"path {encoded(path)},sha256 {encoded(ours)}" + ",overwrite" * overwrite)[0]["Location"]
offset = int(ask("HEAD", upload)[0]["Upload-Offset"])
with open(file, "rb") as source:
    while offset < length:
        source.seek(offset)
        part = source.read(16 * 1024 * 1024)
        offset = int(ask("PATCH", upload, part, Upload_Offset=offset,
                         Content_Type="application/offset+octet-stream")[0]["Upload-Offset"])
        print(f"\r{100 * offset // length} %", end="")
print("\nsha256", ours)
