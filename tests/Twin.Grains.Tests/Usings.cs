global using Twin.Testing;
global using Xunit;
global using Twin.Model;
