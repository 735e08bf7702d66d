// What an undeclared script does: it tells somebody else which page was read.
navigator.sendBeacon(new URL("/beacon", document.currentScript.src), location.href);
